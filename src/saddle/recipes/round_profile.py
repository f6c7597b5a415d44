"""Where the time of a recipe's round goes, and how near it comes to what the machine can do."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.profiler import record_function
from torch.profiler import ProfilerActivity, profile
from torch.utils._pytree import tree_leaves

from ..averaging import chosen_averaging
from ..devices import is_gpu
from ..parts import without_process_group
from ..recipe import Recipe
from ..shape import Shape
from ..training.ema import EMA
from ..training.engine import Engine
from ..training.machine import Machine, preserved_globals
from ..training.match import MatchOptions
from .rehearsal import fewer_samples, random_batch
from .round_cost import CostCounter, CountedRows, last_stage_engine, synchronized

PROFILED_SECONDS, MOST_PROFILED = 1.0, 8  # of rounds that the profiler watches, and how many
ROUND_SECONDS, MOST_SECONDS = 2.0, 4.0  # that a round may take at most to be played whole, and all timed ones together
AVERAGE, REST = "saddle: average", "the engine, Python and waiting"
NORMS = ("batch_norm", "layer_norm", "group_norm", "instance_norm")
PRODUCTS = ("mm", "addmm", "bmm", "baddbmm", "matmul", "linear", "mv", "addmv")
PRODUCT_NODES = ("Mm", "Addmm", "Bmm", "Baddbmm", "Mv", "Addmv", "Linear")
# torch's own, and those of double_backward.py
SECOND_DERIVATIVES = ("ConvolutionBackwardBackward", "InputGradientBackward", "WeightGradientBackward")
BACKWARD = "autograd::engine::evaluate_function: "  # how the profiler calls a step backwards, before its name
KINDS = (
    "convolutions, forward", "convolutions, backward", "convolutions, second derivative", "products, forward",
    "products, backward", "normalisation", "optimizer", "average", "all else, forward", "all else, backward", REST,
)  # fmt: skip


class RoundProfile(NamedTuple):
    """A round of so many samples: its seconds, and by kind; what it takes, and what the machine was measured to do."""

    batch: int  # samples of a round that was played
    whole: int  # of the recipe's own
    images: int  # shown to the critic in a round
    seconds: float
    kinds: dict[str, float]  # seconds, of `seconds` in all
    operations: int  # of products and convolutions
    moved: int  # bytes that are read and written if nothing stays in a cache
    peak: int  # bytes of all tensors at once, at most
    product_rate: float  # operations a second in one large product
    copy_rate: float  # bytes a second, read and written, as one large tensor is copied

    @property
    def product_share(self) -> float:
        """Of the rate of one large product, that the round as a whole comes to."""
        return self.operations / self.seconds / self.product_rate

    @property
    def copy_share(self) -> float:
        """The same of bytes read and written, at most: what stays in a cache goes nowhere."""
        return self.moved / self.seconds / self.copy_rate


class TrafficCounter(CostCounter):  # type: ignore[no-untyped-call]
    """Counts also the bytes of what every operation reads and makes."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = 0

    def __torch_dispatch__(self, function: Any, types: object, args: tuple[Any, ...] = (),
                           kwargs: Mapping[str, Any] | None = None) -> Any:  # fmt: skip
        made = super().__torch_dispatch__(function, types, args, kwargs)
        if not function.is_view:
            touched = (*tree_leaves((args, kwargs or {})), *tree_leaves(made))
            self.moved += sum(t.numel() * t.element_size() for t in touched if isinstance(t, Tensor))
        return made


def profile_round(recipe: Recipe[Any], data: Shape, where: Machine, how: MatchOptions = MatchOptions()) -> RoundProfile:
    """Rounds of made-up samples, of fewer than the recipe's own where these would take long; nothing is kept of them.

    Sets the machine's GPU to work as a training does. What reading data costs is not in it.
    """
    with preserved_globals(), without_process_group():
        engine, stage, clock = last_stage_engine(recipe, data, where, how)
        whole = max(1, stage.batch // how.accumulate)
        averaging = chosen_averaging(recipe.average, how.ema)
        ema = EMA(engine.game, averaging) if averaging else None

        def rounds_of(n: int) -> Callable[[], int]:
            columns = CountedRows(random_batch(recipe.batch_type, stage.data, n, where.device))

            def play() -> int:
                columns.taken = 0
                engine.play(columns, clock=clock)
                if ema:
                    with record_function(AVERAGE):
                        ema.update(n, clock)
                return columns.taken * n

            return play

        n, play = choose_batch(rounds_of, whole, where)
        seconds, images = time_rounds(play, where)
        with TrafficCounter() as counter:
            play()
        activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if where.device.type == "cuda" else [])]
        with profile(activities=activities, acc_events=True) as profiler:  # one cycle; torch 2.11 warns else
            for _ in range(max(1, min(MOST_PROFILED, int(PROFILED_SECONDS / seconds)))):
                play()
            synchronized(where.device)
        held = sum(t.untyped_storage().nbytes() for t in held_tensors(engine, ema))
        rates = measure_rates(where)
    events = profiler.events()
    kinds = share_out(events, seconds, is_gpu(where.device))
    return RoundProfile(n, whole, images, seconds, kinds, counter.flops, counter.moved, counter.peak + held, *rates)


def choose_batch(rounds_of: Callable[[int], Callable[[], int]], whole: int, where: Machine
                 ) -> tuple[int, Callable[[], int]]:  # fmt: skip
    """So many samples of the batch that a round of them takes a moment, and what plays it."""
    n = min(whole, fewer_samples(whole))
    play = rounds_of(n)
    play()
    began = synchronized(where.device)
    play()
    seconds = synchronized(where.device) - began
    while 2 * n <= whole and whole % (2 * n) == 0 and 2 * seconds < ROUND_SECONDS:
        n, seconds = 2 * n, 2 * seconds
    play = rounds_of(n)
    play()  # the first of its size is the slowest
    return n, play


def time_rounds(play: Callable[[], int], where: Machine) -> tuple[float, int]:
    """The middle of some rounds' seconds, and the images that one shows."""
    times: list[float] = []
    began = time.monotonic()
    while len(times) < 3 or (len(times) < 50 and time.monotonic() - began < ROUND_SECONDS):
        before = synchronized(where.device)
        images = play()
        times.append(synchronized(where.device) - before)
        if time.monotonic() - began > MOST_SECONDS:
            break
    return statistics.median(times), images


def held_tensors(engine: Engine[Any], ema: EMA | None) -> Iterable[Tensor]:
    """What lies in memory between rounds, each storage once."""
    state = (t for one in engine.optimizers.values() for kept in one.state.values() for t in kept.values()
             if isinstance(t, Tensor))  # fmt: skip
    every = (*engine.game.parameters(), *engine.game.buffers(), *state, *(ema.mean.values() if ema else ()))
    return {t.untyped_storage().data_ptr(): t for t in every}.values()


def share_out(events: Iterable[Any], seconds: float, gpu: bool) -> dict[str, float]:
    """The seconds of a round by kind, in the proportions that the profiler saw; of the rest it saw nothing."""
    own: dict[str, float] = defaultdict(float)
    seen = begin = end = 0.0
    for event in events:
        if event.device_type.name != "CPU":
            continue
        spent = event.self_device_time_total if gpu else event.self_cpu_time_total
        own[kind_of(event)] += spent
        seen += spent
        begin = min(begin or event.time_range.start, event.time_range.start)
        end = max(end, event.time_range.end)
    whole = max(end - begin, seen, 1e-9)
    own[REST] += whole - seen
    return {kind: seconds * own[kind] / whole for kind in KINDS if own[kind] > 0}


def kind_of(event: Any) -> str:
    """What an event of the profiler's is a part of, as it and those that it is called by are named."""
    names = [event.name]
    while (event := event.cpu_parent) is not None:
        names.append(event.name)
    if AVERAGE in names:
        return "average"
    if any(name.startswith("Optimizer.") for name in names):
        return "optimizer"
    steps = [name.removeprefix(BACKWARD) for name in names if name.startswith(BACKWARD)]
    forward = [name.removeprefix("aten::").rstrip("_") for name in names if name.startswith("aten::")]
    if steps:
        return kind_of_step(steps[0])
    if not forward:
        return REST
    if any("conv" in name for name in forward):
        return "convolutions, forward"
    if any(norm in name for name in forward for norm in NORMS):
        return "normalisation"
    return "products, forward" if any(name in PRODUCTS for name in forward) else "all else, forward"


def kind_of_step(node: str) -> str:
    """The same of a step backwards, named by what it is the derivative of."""
    if node.startswith(SECOND_DERIVATIVES):
        return "convolutions, second derivative"
    if "Convolution" in node:
        return "convolutions, backward"
    if "Norm" in node:
        return "normalisation"
    return "products, backward" if node.startswith(PRODUCT_NODES) else "all else, backward"


def measure_rates(where: Machine, seconds: float = 0.25) -> tuple[float, float]:
    """Operations a second in one large product of this precision, and bytes a second as one large tensor is copied."""
    gpu = is_gpu(where.device)
    side, size = (8192, 1 << 28) if gpu else (1024, 1 << 24)
    a = torch.ones(side, side, device=where.device, dtype=where.precision)
    b = torch.ones(size, device=where.device)
    c = torch.empty_like(b)
    product = fastest(lambda: torch.mm(a, a), where, seconds)
    copy = fastest(lambda: c.copy_(b), where, seconds)
    return 2 * side**3 / product, 2 * b.nbytes / copy


def fastest(task: Callable[[], object], where: Machine, seconds: float) -> float:
    """Seconds of the fastest of some goes."""
    times: list[float] = []
    began = time.monotonic()
    while len(times) < 3 or time.monotonic() - began < seconds:
        before = synchronized(where.device)
        task()
        times.append(synchronized(where.device) - before)
    return min(times)
