"""How an average of weights follows them, as values: a half-life in images, or the factor of each round."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from .clock import Clock, Schedule, check_range, value_at
from .errors import require


@runtime_checkable
class Averaging(Protocol):
    """What share of an average is left after a round of `shown` images; the rest is what the weights are now."""

    def decay(self, shown: int, clock: Clock) -> float: ...  # the clock as it is after that round


@dataclass(frozen=True)
class HalfLife:
    """What was learned so many images ago counts half, whatever the batch; at first sooner. Karras et al. 2019."""

    images: int | Schedule = 10_000  # how many: a whole number, or a schedule
    ramp: float | None = 0.05  # no longer than this share of the images shown so far; no such limit if none

    def __post_init__(self) -> None:
        check_range(self.images, "HalfLife's images", 0 if callable(self.images) else 1)
        require(self.ramp is None or self.ramp > 0, f"HalfLife's ramp is {self.ramp}, but should be above 0, or none")

    def decay(self, shown: int, clock: Clock) -> float:
        half = value_at(self.images, clock)
        if self.ramp is not None:
            half = min(half, self.ramp * clock.images)
        return float(0.5 ** (shown / max(half, 1.0)))


@dataclass(frozen=True)
class Decay:
    """The factor that papers give for each step, as 0.999 in PGGAN; whatever the batch, it is that of one round."""

    factor: float = 0.999
    after: int = 0  # rounds in which the average is what the weights are: BigGAN begins later

    def __post_init__(self) -> None:
        check_range(self.factor, "Decay's factor", 0, 1)
        require(self.after >= 0, f"Decay begins after {self.after} rounds, but should after 0 or more")

    def decay(self, shown: int, clock: Clock) -> float:
        return self.factor if clock.round > self.after else 0.0


AVERAGES: tuple[type, ...] = (HalfLife, Decay)


def chosen_averaging(own: Averaging | None, half_life: int | None) -> Averaging | None:
    """A recipe's own, or the house's with a half-life that was asked for; 0 asks for none."""
    if half_life is None:
        return own
    return HalfLife(half_life) if half_life else None
