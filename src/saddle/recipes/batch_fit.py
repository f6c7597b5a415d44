"""In how many parts a batch fits into memory: what `--fit` finds before a run begins."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch

from ..averaging import chosen_averaging
from ..errors import Mistake, require
from ..out_of_memory import format_bytes, give_back_memory, peak_resident, reset_peak_resident
from ..parts import without_process_group
from ..parts.recompute import has_blocks
from ..recipe import Recipe
from ..shape import Shape
from ..stages import plan_stages
from ..training.ema import averaged_tensors
from ..training.machine import Machine, all_reduce_max, free_for_process, preserved_globals, world_size
from ..training.match import MatchOptions
from ..training.memory_advice import suggest_smaller_networks
from .rehearsal import ASSUMED_IMAGES, RepeatedBatch, fewer_samples, random_batch, rehearse
from .round_cost import (
    MAX_PROBE_SECONDS,
    NETWORK_SLOWNESS,
    RoundCounter,
    count_round,
    last_stage,
    last_stage_engine,
    meta_game,
    multiplications_per_second,
    play_rounds,
)

USABLE = 0.9  # of what is free, that a round may take: some is lost between tensors, and looks and sheets come on top
TRIAL_SECONDS = 4.0  # that a round of a trial may be expected to take
UNCOUNTED = (
    "a round of this recipe looks at numbers, so --fit cannot count what it takes; give --accumulate 2 in its place, "
    "or more parts"
)
ROUGH_BYTES = 4000  # that networks take for a pixel, about: only where so many might be too many is a round counted


class Fit(NamedTuple):
    """How a batch is played so that it fits, and why so."""

    accumulate: int
    recompute: bool
    why: str


def fit_batch(recipe: Recipe[Any], data: Shape, where: Machine, how: MatchOptions = MatchOptions()) -> Fit:
    """The fewest parts of a batch that fit into memory, and recomputation only where none do without.

    What is learned is what the whole batch teaches. On CUDA, rounds of ever more parts are tried until one fits.
    Elsewhere what a round takes is counted, and a few samples are played to see how much more it takes than is counted.
    All processes find the same. Mistake where nothing fits, and where a round cannot be counted.
    """
    with preserved_globals(), without_process_group():
        find = try_ways if where.device.type == "cuda" else count_ways
        found = find(recipe, data, where, how)
    if world_size() > 1:
        parts, again = all_reduce_max(found.accumulate, int(found.recompute))
        found = found._replace(accumulate=parts, recompute=bool(again))
    return found


def find_parts(recipe: Recipe[Any], data: Shape) -> list[int]:
    """In how many equal parts all batches of a run can be played by each process."""
    whole = math.gcd(*(stage.batch for stage in plan_stages(recipe, data, ASSUMED_IMAGES)))
    parts = [n for n in range(1, whole + 1) if whole % (n * world_size()) == 0]
    require(bool(parts), f"a batch of {whole} cannot be cut into equal parts for {world_size()} processes")
    return parts


def ways_to_recompute(recipe: Recipe[Any], data: Shape, how: MatchOptions) -> list[bool]:
    """As was asked for; where nothing was, without it first."""
    possible = how.recompute or has_blocks(meta_game(recipe, data))
    return [how.recompute] if how.recompute or not possible else [False, True]


def count_ways(recipe: Recipe[Any], data: Shape, where: Machine, how: MatchOptions) -> Fit:
    """The fewest parts whose round takes no more than is free, as it is counted and a part of it was measured."""
    free, each = free_for_one(where), last_stage(recipe, data)[0].batch // world_size()
    needed, refusal = 0, None
    for again in ways_to_recompute(recipe, data, how):
        excess, least, told, parts = 1.0, 1.0, "", find_parts(recipe, data)
        for n in parts:
            if n < min(least, parts[-1]):
                continue
            one = how._replace(accumulate=n, recompute=again)
            if refusal := find_refusal(recipe, data, where, one):
                continue
            cost = count_round(recipe, data, one, each)
            if cost is None:
                raise Mistake(UNCOUNTED)
            needed = round(cost.bytes * excess)
            if not told and needed <= USABLE * free:
                excess, told = measure_excess(recipe, data, where, one, each // n)
                needed = round(cost.bytes * excess)
            if needed <= USABLE * free:
                return Fit(n, again, describe_fit(one, each, needed, free) + told)
            least = n * needed / (USABLE * free)  # at least: weights do not get fewer with more parts
    raise nothing_fits(recipe, data, free, refusal, f"a round takes {format_bytes(needed)} of memory")


def try_ways(recipe: Recipe[Any], data: Shape, where: Machine, how: MatchOptions) -> Fit:
    """The fewest parts that are played without running out of the GPU's memory."""
    free, each = free_for_one(where), last_stage(recipe, data)[0].batch // world_size()
    refusal = None
    for again in ways_to_recompute(recipe, data, how):
        for n in find_parts(recipe, data):
            one = how._replace(accumulate=n, recompute=again)
            if refusal := find_refusal(recipe, data, where, one):
                continue
            taken = tried_bytes(recipe, data, where, one, each // n, free)
            if taken is not None:
                return Fit(n, again, describe_fit(one, each, taken, free) + f"; tried on {where.device}")
    raise nothing_fits(recipe, data, free, refusal, f"a round is too large for {where.device}")


def nothing_fits(recipe: Recipe[Any], data: Shape, free: int, refusal: Mistake | None, why: str) -> Mistake:
    if refusal:
        return Mistake(f"parts that are small enough to fit cannot be played: {refusal}")
    return Mistake(f"{why} even in its smallest parts, and {format_bytes(free)} are free; "
                   f"{suggest_smaller_networks(recipe, data)}")  # fmt: skip


def tried_bytes(
    recipe: Recipe[Any], data: Shape, where: Machine, how: MatchOptions, part: int, free: int
) -> int | None:
    """What two rounds took of the GPU's memory; None if it was too small for them and what is to be left."""
    torch.cuda.reset_peak_memory_stats(where.device)
    try:
        _left = torch.empty(round((1 - USABLE) * free), dtype=torch.uint8, device=where.device)
        play_in_parts(recipe, data, where, how, part)
        return torch.cuda.max_memory_reserved(where.device) - len(_left)
    except torch.OutOfMemoryError:
        return None
    finally:
        _left = torch.empty(0)
        give_back_memory()
        torch.cuda.empty_cache()


def play_in_parts(recipe: Recipe[Any], data: Shape, where: Machine, how: MatchOptions, part: int) -> None:
    """Two rounds, after the first of which optimizers remember something, of made-up samples."""
    engine, stage, clock = last_stage_engine(recipe, data, where, how)
    averaged = averaged_tensors(engine.game) if chosen_averaging(recipe.average, how.ema) else {}
    _kept = [t.clone() for t in averaged.values()]
    columns = [random_batch(recipe.batch_type, stage.data, part, where.device) for _ in range(how.accumulate)]
    for _ in range(2):
        engine.play(*map(RepeatedBatch, columns), clock=clock)


def measure_excess(recipe: Recipe[Any], data: Shape, where: Machine, how: MatchOptions, part: int
                   ) -> tuple[float, str]:  # fmt: skip
    """How many times what is counted a round takes of the processor's memory, and how that is known, in words.

    1 where a round of few samples would take long already, and where the system does not tell what was taken.
    """
    alone = how._replace(accumulate=1)
    cost, rate = count_round(recipe, data, alone, part), multiplications_per_second(where.device)
    assert cost is not None, "it was counted in parts"
    n, fewest, seconds = part, min(part, fewer_samples(part)), NETWORK_SLOWNESS * cost.flops / part / rate
    while n % (2 * fewest) == 0 and seconds * n > TRIAL_SECONDS:
        n //= 2
    if where.device.type != "cpu" or seconds * n > MAX_PROBE_SECONDS or not reset_peak_resident():
        return 1.0, "; counted, and not tried"
    small = count_round(recipe, data, alone, n)
    before = peak_resident()
    play_rounds(recipe, data, where, n, alone)
    taken = (peak_resident() or 0) - (before or 0)
    give_back_memory()  # or the run would find less
    assert small is not None, "it was counted for more"
    times = max(1.0, taken / small.bytes)
    return times, f"; a round of {n} was tried, and took {times:.2f} times what is counted"


def find_refusal(recipe: Recipe[Any], data: Shape, where: Machine, how: MatchOptions) -> Mistake | None:
    """Why parts of this size cannot be played, as where several samples are compared; None if they can."""
    try:
        rehearse(recipe, data, where, how)
    except Mistake as refusal:
        return refusal
    return None


def free_for_one(where: Machine) -> int:
    """Bytes that are free for each process of this machine."""
    free = free_for_process(where.device)
    if free is None:
        raise Mistake("this system does not tell how much memory is free, so that --fit has nothing to fit into; give "
                      "--accumulate 2 in its place, or more parts")  # fmt: skip
    return free


def describe_fit(how: MatchOptions, batch: int, needed: int, free: int) -> str:
    sizes = f"about {format_bytes(needed)} of memory, and {format_bytes(free)} are free"
    again = " and --recompute" if how.recompute else ""
    if how.accumulate == 1:
        return f"--fit: a batch of {batch} is played as a whole{again.replace(' and', ' with')}: it takes {sizes}"
    return (f"--fit: a batch of {batch} is played in {how.accumulate} parts of {batch // how.accumulate}, as by "
            f"--accumulate {how.accumulate}{again}: they take {sizes}")  # fmt: skip


def describe_too_large(recipe: Recipe[Any], data: Shape, where: Machine, how: MatchOptions,
                       count: RoundCounter | None = None) -> str | None:  # fmt: skip
    """A warning of a round that takes more of a processor's memory than there is: systems end such a process unsaid.

    `count` tells what the round takes, where others ask for that as well.
    """
    batch = last_stage(recipe, data)[0].batch // world_size()
    free = free_for_process(where.device) if where.device.type == "cpu" else None
    if free is None:
        return None
    if batch // how.accumulate * data.height * data.width * ROUGH_BYTES < free / 2:
        return None
    cost = count() if count else count_round(recipe, data, how, batch)
    if cost is None or cost.bytes <= free:
        return None
    return (f"warning: a round takes about {format_bytes(cost.bytes)} of memory, and {format_bytes(free)} are free; "
            "--fit plays each batch in as many parts as it takes")  # fmt: skip
