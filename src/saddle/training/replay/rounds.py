"""Rounds captured once and replayed: the engine's, without any Python between two launches.

The first round of a kind is played as ever, and watched. If the next one of its kind would decide alike, that is
captured; from then on rounds of this kind are replays. Nothing that is warmed up has to be undone: each round counts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from ...clock import Clock
from ...notices import Notify, notify_nobody
from ..engine import Engine
from .device_rates import DeviceRates
from .watched_clock import Answer, Scalars, WatchedClock, differing_answer

B = TypeVar("B")
T = TypeVar("T")
Report = dict[str, Tensor]
MOST_MISSES = 16  # rounds, one after another, that were like none before; a run of such is played as ever
MOST_GRAPHS = 32  # in a stage, each of which keeps a round's memory layout


class Graphs(Protocol):
    """What captures what a function does on a device, and does it again."""

    def warm(self, play: Callable[[], T]) -> T:
        """Do it as ever, so that nothing is left to be made at first use."""
        ...

    def capture(self, play: Callable[[], T], dice: Sequence[torch.Generator]) -> tuple[T, Callable[[], object]]:
        """What it makes, without numbers yet, and what fills that in, as often as one likes."""
        ...


class Warm(NamedTuple):
    """What is known of a kind of rounds once one of them was played."""

    answers: list[Answer]
    baked: tuple[Hashable, ...]
    batches: list[int]  # that each feed gave


class CapturedRound(NamedTuple):
    """A round that can be played again on whatever its inputs hold then."""

    warm: Warm
    inputs: list[list[Any]]  # batches of each feed
    names: tuple[str, ...]
    values: Tensor  # what it reports, one number after another
    replay: Callable[[], object]


class Replays(Generic[B]):
    """Plays an engine's rounds, by replays where it can. What cannot be captured is played as ever, and said."""

    def __init__(self, engine: Engine[B], graphs: Graphs, say: Notify = notify_nobody) -> None:
        self.engine, self.graphs, self.say = engine, graphs, say
        self.scalars = Scalars(engine.device)
        self.rates = [DeviceRates(optimizer) for optimizer in engine.optimizers.values()]
        self.why_not, self.misses = "", 0
        self.forget()

    def forget(self) -> None:
        """Whatever was captured wrote into memory that is another's now, as after an optimizer was loaded."""
        self.warm: dict[Hashable, Warm] = {}
        self.captured: dict[Hashable, list[CapturedRound]] = {}

    def play(self, *feeds: Iterator[B], clock: Clock, between: Callable[[], object] = lambda: None) -> Report:
        """As `Engine.play`; a replay has no turns that `between` could be called before, so it is called once."""
        phase = None if self.why_not else self.engine.game.phase(clock)
        if phase is None:
            return self.engine.play(*feeds, clock=clock, between=between)
        self.engine.tune(clock)
        for known in self.captured.get(phase, ()):
            if self.fits(known.warm, clock):
                between()
                return self.replay(known, feeds, clock, between)
        if phase in self.warm and self.fits(self.warm[phase], clock):
            between()
            return self.capture(phase, feeds, clock, between)
        return self.play_watched(phase, feeds, clock, between)

    def fits(self, warm: Warm, clock: Clock) -> bool:
        """Would a round decide now as that one did?"""
        return differing_answer(warm.answers, clock) is None and warm.baked == self.baked()

    def baked(self) -> tuple[Hashable, ...]:
        return tuple(value for rates in self.rates for value in rates.baked())

    def play_watched(self, phase: Hashable, feeds: Sequence[Iterator[B]], clock: Clock,
                     between: Callable[[], object]) -> Report:  # fmt: skip
        """As ever, noting what it asks of the clock and how many batches it takes."""
        self.count_miss(phase, clock)
        counted, watched = [Counted(feed) for feed in feeds], WatchedClock.watch(clock, self.scalars)
        self.scalars.refresh(clock)
        parts = self.engine.make_shards(len(feeds), clock)
        with self.at(watched):
            report = self.graphs.warm(lambda: self.engine.play_turns(counted, watched, parts, between))
        self.warm[phase] = Warm(watched.answers, self.baked(), [feed.count for feed in counted])
        return report

    def count_miss(self, phase: Hashable, clock: Clock) -> None:
        """Give up where no round is like the one of its kind before it."""
        if (before := self.warm.get(phase)) is None:
            return
        self.misses += 1
        if self.misses >= MOST_MISSES:
            odd = differing_answer(before.answers, clock)
            what = f"asks {odd.question} of the time" if odd else "steps by numbers that follow a schedule"
            self.give_up(f"no round is like the one before it: it {what}")

    def capture(self, phase: Hashable, feeds: Sequence[Iterator[B]], clock: Clock,
                between: Callable[[], object]) -> Report:  # fmt: skip
        """Capture this round, and then play it; as ever, if it cannot be."""
        warm = self.warm[phase]
        inputs = [[next(feed) for _ in range(n)] for feed, n in zip(feeds, warm.batches, strict=True)]
        watched = WatchedClock.watch(clock, self.scalars)
        parts = self.engine.make_shards(len(feeds), clock)
        self.prepare(clock)

        def play() -> tuple[tuple[str, ...], Tensor]:
            report = self.engine.play_turns([iter(batches) for batches in inputs], watched, parts)
            return tuple(report), torch.stack([value.detach().float() for value in report.values()])

        try:
            with self.at(watched), self.rates_in_place(), self.no_new_scalars():
                (names, values), replay = self.graphs.capture(play, [part.rng for part in parts if part.rng])
        except RuntimeError as error:
            self.give_up(" ".join(str(error).split())[:200])
            self.drop_gradients()
            return self.play_given(inputs, clock, between)
        known = CapturedRound(warm, inputs, names, values, replay)
        self.captured.setdefault(phase, []).append(known)
        self.misses = 0
        if sum(map(len, self.captured.values())) >= MOST_GRAPHS:
            self.give_up(f"its rounds are of more than {MOST_GRAPHS} kinds")
        return self.launch(known, clock)

    def replay(self, known: CapturedRound, feeds: Sequence[Iterator[B]], clock: Clock,
               between: Callable[[], object]) -> Report:  # fmt: skip
        fresh = [[next(feed) for _ in batches] for feed, batches in zip(feeds, known.inputs, strict=True)]
        if not all(map(put_batches, known.inputs, fresh)):
            return self.play_given(fresh, clock, between)
        self.prepare(clock)
        self.misses = 0
        return self.launch(known, clock)

    def play_given(self, batches: list[list[B]], clock: Clock, between: Callable[[], object]) -> Report:
        """As ever, with batches that were fetched already."""
        parts = self.engine.make_shards(len(batches), clock)
        return self.engine.play_turns([iter(own) for own in batches], clock, parts, between)

    def prepare(self, clock: Clock) -> None:
        """Write into memory what the next replay reads there."""
        self.scalars.refresh(clock)
        for rates in self.rates:
            rates.refresh()

    def launch(self, known: CapturedRound, clock: Clock) -> Report:
        """Seed chance and replay; what is reported is kept from the next replay."""
        self.engine.make_shards(len(known.inputs), clock)
        known.replay()
        return dict(zip(known.names, known.values.clone().unbind(), strict=True))

    def give_up(self, why: str) -> None:
        self.why_not = why
        self.forget()
        self.say(f"rounds are not replayed as CUDA graphs: {why}")

    def drop_gradients(self) -> None:
        """Those of a capture that failed hold no numbers."""
        for own in self.engine.own.values():
            for p in own:
                p.grad = None
        for optimizer in self.engine.optimizers.values():
            optimizer.zero_grad(set_to_none=True)

    @contextmanager
    def at(self, clock: Clock) -> Iterator[None]:
        """The game's own clock is this one, which what it makes asks."""
        before, self.engine.game.clock = self.engine.game.clock, clock
        try:
            yield
        finally:
            self.engine.game.clock = before

    @contextmanager
    def rates_in_place(self) -> Iterator[None]:
        with ExitStack() as all_of_them:
            for rates in self.rates:
                all_of_them.enter_context(rates.in_place())
            yield

    @contextmanager
    def no_new_scalars(self) -> Iterator[None]:
        self.scalars.complete = True
        try:
            yield
        finally:
            self.scalars.complete = False


class Counted(Iterator[B], Generic[B]):
    """Another's batches, counted."""

    def __init__(self, feed: Iterator[B]) -> None:
        self.feed, self.count = feed, 0

    def __next__(self) -> B:
        self.count += 1
        return next(self.feed)


def put_batches(inputs: list[Any], fresh: list[Any]) -> bool:
    """Copy batches to where a captured round reads them; False where they are of another form, as at an odd end."""
    pairs = [pair for old, new in zip(inputs, fresh, strict=True) for pair in zip(old, new, strict=True)]
    tensors = [(old, new) for old, new in pairs if old is not None or new is not None]
    if not all(old is not None and new is not None and is_alike(old, new) for old, new in tensors):
        return False
    for old, new in tensors:
        old.copy_(new, non_blocking=True)
    return True


def is_alike(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and a.stride() == b.stride() and a.dtype == b.dtype
