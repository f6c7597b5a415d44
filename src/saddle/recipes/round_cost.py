"""What a round costs before one is played: its memory, and the images a second that this machine will show."""

from __future__ import annotations

import statistics
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from ..averaging import chosen_averaging
from ..clock import Clock
from ..core import Game
from ..devices import free_memory, is_gpu, synchronize
from ..layers.init import SkipRandomInit
from ..out_of_memory import available_memory
from ..parts import Shard, without_process_group
from ..recipe import Recipe, Stage
from ..shape import Shape
from ..stages import plan_stages, stage_starts
from ..training.ema import averaged_tensors
from ..training.engine import Engine, Stepper
from ..training.machine import Machine, preserved_globals, world_size
from ..training.match import MatchOptions, check_is_game, make_engine, place_game
from ..training.run_length import Speed
from .rehearsal import ASSUMED_IMAGES, RepeatedBatch, fewer_samples, random_batch

COUNTED_PARTS = 3  # of a batch in more parts the others are like the last of these
PROBE_SECONDS, MAX_PROBE_SECONDS = 2.0, 12.0  # for which rounds are played, and that one round may be expected to take
MATRIX_SIDE = 512  # of the product that tells how fast a machine can multiply
NETWORK_SLOWNESS = 3  # times: how much slower networks are than one large product, about


class RoundCost(NamedTuple):
    """A round of the last stage, in its parts: the most bytes that its tensors take at once, and its arithmetic."""

    batch: int
    bytes: int
    flops: int  # of products and convolutions, forwards and backwards


class CostCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of all tensors that are made in here, until each is let go of: `peak` is the most at once.

    And the operations of products and convolutions, by torch's own formulas.

    Of tensors without numbers a number that a game asks for is one, so that a round which decides something goes on.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self.peak = self.flops = 0
        self.known: dict[int, Callable[[], object]] = {}

    def __torch_dispatch__(self, function: Any, types: object, args: tuple[Any, ...] = (),
                           kwargs: Mapping[str, Any] | None = None) -> Any:  # fmt: skip
        if function is torch.ops.aten._local_scalar_dense.default and args[0].is_meta:
            return 1.0 if args[0].is_floating_point() else 1
        kwargs = kwargs or {}
        made = function(*args, **kwargs)
        if function is torch.ops.aten.convolution_backward.default:
            self.flops += backward_operations(*args)
        elif formula := flop_registry.get(function._overloadpacket):
            self.flops += formula(*args, **kwargs, out_val=made)
        for t in tree_leaves(made):
            if isinstance(t, Tensor):
                self.count(t)
        return made

    def count(self, t: Tensor) -> None:
        """A tensor that shares its memory with one that was counted takes none of its own."""
        storage = t.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if (known := self.known.get(key)) is not None and known() is storage:
            return

        def let_go(_: object) -> None:
            self.live -= size

        self.known[key] = weakref.ref(storage, let_go)
        self.live += size
        self.peak = max(self.peak, self.live)


def backward_operations(grad: Tensor, x: Tensor, weight: Tensor, *how: Any) -> int:
    """Of a convolution's slopes: as many as forwards, for each of input and weight; torch's formula knows no groups."""
    *_, transposed, _, _, mask = how
    places = (x if transposed else grad)[0, 0].numel()
    return int(2 * len(x) * places * weight.numel() * sum(mask[:2]))


class CountedEngine(Engine[Any]):
    """Plays rounds of tensors without numbers: chance is the processor's, and optimizers step one by one."""

    def __init__(self, game: Game[Any], stage: Stage, recipe: Recipe[Any], recompute: bool = False) -> None:
        super().__init__(game, stage.steps or recipe.steps, recompute=recompute)
        self.moved: dict[nn.Module, list[Stepper]] = {}
        for group in (group for one in self.optimizers.values() for group in one.param_groups):
            group |= {"fused": None, "foreach": False} if group.get("fused") else {}

    def make_shards(self, n: int, clock: Clock) -> list[Shard]:
        return [Shard(i, n, torch.Generator()) for i in range(n)]

    def step(self, player: nn.Module) -> Tensor:
        """Whose gradients there are is noted; the player stays where it is."""
        self.moved[player] = [stepper for stepper in self.steppers[player] if stepper.parameter.grad is not None]
        for stepper in self.steppers[player]:
            stepper.parameter.grad = None
        return torch.zeros((), device=self.device)

    def step_once(self) -> None:
        """A step of everybody who has moved, after which optimizers hold what they remember."""
        for player, steppers in self.moved.items():
            for stepper in steppers:
                stepper.parameter.grad = torch.zeros_like(stepper.parameter)
            super().step(player)


def meta_game(recipe: Recipe[Any], shape: Shape) -> Game[Any]:
    """Its game on no device, without any numbers."""
    with torch.device("meta"), SkipRandomInit():
        return check_is_game(recipe.game(shape), recipe)


def count_round(recipe: Recipe[Any], data: Shape, how: MatchOptions = MatchOptions(),
                batch: int | None = None) -> RoundCost | None:  # fmt: skip
    """What a round of the last stage takes, counted in float32 on tensors that have shapes and no numbers.

    Weights, their averages, gradients, what optimizers remember, samples and everything kept for a backward pass; what
    convolutions and the program need for themselves comes on top. None for a round that cannot be played so, as its
    game looks at numbers.
    """
    n, parts = last_stage(recipe, data)[0].batch if batch is None else batch, how.accumulate
    if parts <= COUNTED_PARTS:
        return count_parts(recipe, data, how, n // parts, parts)
    fewer, some = (count_parts(recipe, data, how, n // parts, few) for few in (COUNTED_PARTS - 1, COUNTED_PARTS))
    if fewer is None or some is None:
        return None
    more = parts - COUNTED_PARTS
    return RoundCost(n, some.bytes + more * (some.bytes - fewer.bytes), some.flops + more * (some.flops - fewer.flops))


RoundCounter = Callable[[], RoundCost | None]  # tells what a round takes, as `count_round` does


def round_counter(recipe: Recipe[Any], data: Shape, how: MatchOptions) -> RoundCounter:
    """Counts a round of one process when that is asked for first, and not again: large networks take seconds."""
    return cache(lambda: count_round(recipe, data, how, last_stage(recipe, data)[0].batch // world_size()))


def count_parts(recipe: Recipe[Any], data: Shape, how: MatchOptions, n: int, parts: int) -> RoundCost | None:
    """Of a round of so many parts, each of n samples."""
    counter = CostCounter()
    with suppress(NotImplementedError, RuntimeError):
        with counter, meta_rounds(recipe, data, n, how.recompute, parts) as (game, engine, play):
            if chosen_averaging(recipe.average, how.ema):
                _kept = [t.clone() for t in averaged_tensors(game).values()]
            counter.peak, counter.flops = counter.live, 0  # what initialisation took is over
            play()
            most, without = counter.peak, counter.live
            engine.step_once()
        return RoundCost(n * parts, most + counter.live - without, counter.flops)
    return None


@contextmanager
def meta_rounds(recipe: Recipe[Any], data: Shape, n: int, recompute: bool = False, parts: int = 1
                ) -> Iterator[tuple[Game[Any], CountedEngine, Callable[[], object]]]:  # fmt: skip
    """A game of tensors without numbers, its engine, and what plays a round of its last stage, in parts of n images;
    by this process alone.

    What a round raises that looks at numbers is NotImplementedError, or another RuntimeError.
    """
    stage, clock = last_stage(recipe, data)
    with preserved_globals(), without_process_group():
        game = meta_game(recipe, data)
        engine, game.clock = CountedEngine(game, stage, recipe, recompute), clock
        columns = [random_batch(recipe.batch_type, stage.data, n, torch.device("meta")) for _ in range(parts)]
        yield game, engine, lambda: engine.play(*map(RepeatedBatch, columns), clock=clock)


def last_stage(recipe: Recipe[Any], data: Shape) -> tuple[Stage, Clock]:
    stages = plan_stages(recipe, data, ASSUMED_IMAGES)
    return stages[-1], stage_starts(stages, ASSUMED_IMAGES)[-1]


def last_stage_engine(recipe: Recipe[Any], data: Shape, where: Machine, how: MatchOptions
                      ) -> tuple[Engine[Any], Stage, Clock]:  # fmt: skip
    """What plays rounds of the last stage there, with networks that are thrown away."""
    stage, clock = last_stage(recipe, data)
    game = place_game(check_is_game(recipe.game(data), recipe), where)
    game.clock = clock
    return make_engine(game, recipe, stage, where, how), stage, clock


def measure_round_speed(recipe: Recipe[Any], data: Shape, where: Machine, cost: RoundCost,
                        how: MatchOptions = MatchOptions(),
                        choose: Callable[[Machine], Machine] = lambda where: where) -> Speed:  # fmt: skip
    """Rounds of as many images as fit into memory and a moment, played; reckoned where the fewest would not fit.

    `choose`: the machine with the precision that is played in, found only where something is played.
    """
    seconds = NETWORK_SLOWNESS * cost.flops / cost.batch / multiplications_per_second(where.device)
    fewest = min(cost.batch, fewer_samples(cost.batch))
    n = cost.batch
    while n % (2 * fewest) == 0 and seconds * n > PROBE_SECONDS:
        n //= 2
    if seconds * n > MAX_PROBE_SECONDS:
        return Speed(1 / seconds, cost.batch, measured=False)
    probe = count_round(recipe, data, how._replace(accumulate=1), n)
    if probe is None or not fits_into_memory(probe.bytes, where):
        return Speed(1 / seconds, cost.batch, measured=False)
    with preserved_globals(), without_process_group():
        return Speed(play_rounds(recipe, data, choose(where), n, how), n, measured=True)


def fits_into_memory(size: int, where: Machine) -> bool:
    """Are so many bytes less than half of what is free?"""
    free = free_memory(where.device) if is_gpu(where.device) else available_memory()
    return free is None or 2 * size < free


def play_rounds(recipe: Recipe[Any], data: Shape, where: Machine, n: int, how: MatchOptions) -> float:
    """Images a second of rounds of n images, of made-up samples and networks that are thrown away."""
    engine, stage, clock = last_stage_engine(recipe, data, where, how)
    columns = CountedRows(random_batch(recipe.batch_type, stage.data, n, where.device))
    rates: list[float] = []
    began = time.monotonic()
    while len(rates) < 2 or time.monotonic() - began < PROBE_SECONDS:
        columns.taken, before = 0, synchronized(where.device)
        engine.play(columns, clock=clock)
        rates.append(columns.taken * n / (synchronized(where.device) - before))
        if time.monotonic() - began > MAX_PROBE_SECONDS:
            break
    return statistics.median(rates[1:] or rates)  # the first round is the slowest


class CountedRows(RepeatedBatch):
    """One batch again and again, and how often it was taken: a round may take several."""

    taken = 0

    def __next__(self) -> Any:
        self.taken += 1
        return super().__next__()


def multiplications_per_second(device: torch.device) -> float:
    """Floating-point operations that this machine does in a second in one large product."""
    a = torch.ones(MATRIX_SIDE, MATRIX_SIDE, device=device)
    times = []
    for _ in range(4):
        before = synchronized(device)
        torch.mm(a, a)
        times.append(synchronized(device) - before)
    return float(2 * MATRIX_SIDE**3 / min(times))


def synchronized(device: torch.device) -> float:
    synchronize(device)
    return time.perf_counter()
