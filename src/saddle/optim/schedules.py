"""Schedules: numbers as pure functions of the clock. Linear, Cosine, Polynomial and Geometric follow the run's share.

Each tells as `ends` the lowest and the highest value that it comes to, so that whoever takes it can refuse it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..clock import Clock, Number, Schedule, value_at, value_range
from ..errors import require


@dataclass(frozen=True)
class Linear:
    """From one value to another between two shares of the run, constant before the first and after the second."""

    start: float
    stop: float = 0.0
    until: float = 1.0
    after: float = 0.0  # CycleGAN's rate falls after half of the run

    def __post_init__(self) -> None:
        require(0 < self.until <= 1, f"Linear's until is {self.until}, but should be a share of the run")
        before = 0 <= self.after < self.until
        require(before, f"Linear's after is {self.after}, but should be a share of the run before its until")

    @property
    def ends(self) -> tuple[float, ...]:
        return self.start, self.stop

    def __call__(self, clock: Clock) -> float:
        passed = (clock.share - self.after) / (self.until - self.after)
        return self.start + (self.stop - self.start) * min(max(passed, 0.0), 1.0)


@dataclass(frozen=True)
class Cosine:
    """From one value to another along half a cosine, over the whole run."""

    start: float
    stop: float = 0.0

    @property
    def ends(self) -> tuple[float, ...]:
        return self.start, self.stop

    def __call__(self, clock: Clock) -> float:
        return self.stop + (self.start - self.stop) * (1 + math.cos(math.pi * clock.share)) / 2


@dataclass(frozen=True)
class Polynomial:
    """From one value to another as a power of the run's share: below 1 fast at first, above 1 fast at last."""

    start: float
    stop: float = 0.0
    power: float = 1.0

    def __post_init__(self) -> None:
        require(self.power > 0, f"Polynomial's power is {self.power}, but should be above 0")

    @property
    def ends(self) -> tuple[float, ...]:
        return self.start, self.stop

    def __call__(self, clock: Clock) -> float:
        return self.start + (self.stop - self.start) * math.pow(clock.share, self.power)


@dataclass(frozen=True)
class Geometric:
    """From one value to another by equal factors, over the whole run."""

    start: float
    stop: float

    def __post_init__(self) -> None:
        ends = f"Geometric goes from {self.start} to {self.stop}"
        require(self.start > 0 and self.stop > 0, f"{ends}, but equal factors need two numbers above 0")

    @property
    def ends(self) -> tuple[float, ...]:
        return self.start, self.stop

    def __call__(self, clock: Clock) -> float:
        return self.start * math.pow(self.stop / self.start, clock.share)


@dataclass(frozen=True)
class Over:
    """A schedule of the whole run, played over this many images instead; its first value before, its last after."""

    schedule: Schedule  # Linear, Cosine, Geometric
    images: int  # how many it takes
    after: int = 0  # images before it begins

    def __post_init__(self) -> None:
        require(self.images > 0, f"Over's images are {self.images}, but should be above 0")
        require(self.after >= 0, f"Over begins after {self.after} images, but should after 0 or more")

    @property
    def ends(self) -> tuple[float, ...]:
        return value_range(self.schedule)

    def __call__(self, clock: Clock) -> float:
        share = (clock.images - self.after) / self.images
        return self.schedule(clock._replace(share=min(max(share, 0.0), 1.0)))


@dataclass(frozen=True)
class PerStage:
    """A schedule of the whole run, played anew over each of its stages: how far a new size is faded in."""

    schedule: Schedule  # Linear, Cosine, Geometric

    @property
    def ends(self) -> tuple[float, ...]:
        return value_range(self.schedule)

    def __call__(self, clock: Clock) -> float:
        return self.schedule(clock._replace(share=clock.stage_share))


@dataclass(frozen=True)
class Warmup:
    """Up from zero in a straight line within this many images, as a factor of the value that it leads to."""

    to: Number  # a number, or a schedule that goes on meanwhile
    images: int

    def __post_init__(self) -> None:
        require(self.images > 0, f"Warmup's images are {self.images}, but should be above 0")

    @property
    def ends(self) -> tuple[float, ...]:
        return 0.0, *value_range(self.to)

    def __call__(self, clock: Clock) -> float:
        return min(clock.images / self.images, 1.0) * value_at(self.to, clock)


@dataclass(frozen=True)
class Ramp:
    """From one value to another over this many rounds, whatever the run's length, and constant after it."""

    start: float
    stop: float
    rounds: int

    def __post_init__(self) -> None:
        require(self.rounds > 0, f"Ramp's rounds are {self.rounds}, but should be above 0")

    @property
    def ends(self) -> tuple[float, ...]:
        return self.start, self.stop

    def __call__(self, clock: Clock) -> float:
        return self.start + (self.stop - self.start) * min(clock.round / self.rounds, 1.0)


@dataclass(frozen=True)
class Exponential:
    """Divided by a factor each round, down to a floor."""

    start: float
    factor: float
    floor: float = 0.0

    def __post_init__(self) -> None:
        by = f"Exponential's factor is {self.factor}, but the value is divided by it each round"
        instead = f"; give {1 / self.factor:.6g} to multiply by {self.factor}" if 0 < self.factor < 1 else ""
        require(1 <= self.factor < math.inf, f"{by}, so it should be 1 or more{instead}")
        falls = 0 <= self.floor <= self.start < math.inf
        require(falls, f"Exponential goes from {self.start} to {self.floor}, but should fall, and not below 0")

    @property
    def ends(self) -> tuple[float, ...]:
        return self.start, self.floor

    def __call__(self, clock: Clock) -> float:
        return max(self.start * self.factor**-clock.round, self.floor)


@dataclass(frozen=True)
class Burst:
    """A high value in the first rounds and again once in a while, else a low one: WGAN's critic steps, 100 and 5."""

    high: float = 100
    low: float = 5
    first: int = 25
    again: int = 500

    def __post_init__(self) -> None:
        require(self.first >= 0, f"Burst is high in the first {self.first} rounds, but should be in 0 or more")
        require(self.again >= 1, f"Burst is high again every {self.again} rounds, but should be every 1 or more")

    @property
    def ends(self) -> tuple[float, ...]:
        return self.low, self.high

    def __call__(self, clock: Clock) -> float:
        return self.high if clock.round < self.first or clock.round % self.again == 0 else self.low
