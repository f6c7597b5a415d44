"""What a round of a recipe takes of memory and of time, in words and as numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..out_of_memory import available_memory, format_bytes
from ..recipe import Recipe
from ..recipes.machine_choice import choose_machine
from ..recipes.round_cost import RoundCost, Speed, count_round, measure_round_speed
from ..shape import Shape
from ..training.machine import Machine, find_machine
from ..training.match import MatchOptions
from .pages import wrap_text

UNCOUNTED = "How much memory a batch takes is not known: a round of this game looks at numbers, and none are made here."
COUNTED = (
    "Counted in float32 on tensors that have shapes and no numbers: weights, gradients, optimizers and what a round "
    "keeps. The program itself comes on top; "
)


def describe_costs(recipe: Recipe[Any], shape: Shape, speed: bool, how: MatchOptions = MatchOptions(),
                   blocks: bool = True, where: Machine | None = None
                   ) -> Iterator[tuple[str, dict[str, Any]]]:  # fmt: skip
    """Paragraphs, each with its facts for programs. `speed`: play for a moment, where it is known to be one.

    `where`: on this machine, not on the one that `auto` finds. `blocks`: has the game any that `--recompute` could work
    out again?
    """
    cost = count_round(recipe, shape, how)
    if cost is None:
        yield wrap_text(UNCOUNTED), {}
        return
    memory = describe_memory(cost, how.accumulate, less_by(cost, blocks and not how.recompute))
    yield wrap_text(memory), {"batch": cost.batch, "bytes": cost.bytes, "operations": cost.flops}
    if speed:
        if where is None:
            where = choose_machine(find_machine(), "auto", recipe, shape, how.accumulate)
        played = measure_round_speed(recipe, shape, where, cost, how)
        facts = {
            "device": str(where.device),
            "images per second": played.images_per_second,
            "measured": played.measured,
        }
        yield wrap_text(describe_speed(played, cost, str(where.device))), facts


def less_by(cost: RoundCost, recompute: bool) -> str:
    """What would need less memory: of a batch of one there are no parts."""
    ways = [*(["--accumulate"] if cost.batch > 1 else []), *(["--recompute"] if recompute else []), "fewer bits"]
    *others, last = ways
    return f"{', '.join(others)} and {last} need less" if others else f"{last} need less"


def describe_memory(cost: RoundCost, parts: int, less: str) -> str:
    free, played = available_memory(), f" in {parts} parts" if parts > 1 else ""
    beside = f"; {format_bytes(free)} are free here" if free is not None else ""
    return f"A batch of {cost.batch}{played} takes about {format_bytes(cost.bytes)} of memory{beside}. {COUNTED}{less}."


def describe_speed(speed: Speed, cost: RoundCost, device: str) -> str:
    rate = f"{speed.images_per_second:.3g} images a second"
    if not speed.measured:
        return (f"A round would take long, or more memory than is free, so none was played: about {rate} on {device}, "
                f"reckoned from {cost.flops / cost.batch:.2g} operations an image.")  # fmt: skip
    of = "" if speed.batch == cost.batch else f" of {speed.batch} images each"
    return f"Measured here on {device}: {rate}, on rounds{of} of made-up samples."
