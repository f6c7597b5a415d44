"""What time it is in a run, and numbers that follow it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from .errors import require

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")


class Clock(NamedTuple):
    """What time it is in a run: host numbers, never read back from a device."""

    round: int = 0  # rounds played
    images: int = 0  # real images shown to a critic
    share: float = 0.0  # of the run's length, 0 to 1
    stage: int = 0  # which of the run's stages, counted from 0
    stage_share: float = 0.0  # of that stage's length, 0 to 1

    def read(self, question: Callable[[Clock], T]) -> T:
        """What follows from the time, as a host value: a round that answers otherwise is not a replay of this one."""
        return question(self)

    def follow(self, schedule: Schedule, times: float = 1) -> float | Tensor:
        """So many times a schedule's value, to multiply by; a scalar of the device where rounds are replayed."""
        return times * schedule(self)


def describe_shown(images: int, length: int) -> str:
    """'960 of 1,000', or '1,024': the last round of a run is played whole."""
    return f"{images:,}" if images > length else f"{images:,} of {length:,}"


Schedule = Callable[[Clock], float]  # a frozen value that is called with a Clock
Number = float | Schedule


def value_at(number: Number, clock: Clock) -> float:
    """A number's value now, for what decides with it."""
    return clock.read(number) if callable(number) else number


def factor_at(number: Number, clock: Clock, times: float = 1) -> float | Tensor:
    """So many times a number's value now, for what only multiplies by it: a replayed round need not ask again."""
    return clock.follow(number, times) if callable(number) else times * number


def value_range(number: Number) -> tuple[float, ...]:
    """The lowest and the highest value that it ever has, in any order; none of a schedule that has no `ends`."""
    return tuple(getattr(number, "ends", ())) if callable(number) else (number,)


def check_range(number: Number, name: str, low: float = 0, below: float = math.inf, why: str = "") -> None:
    """Refuse a number, or a schedule that comes to one, which is not from `low` to below the other bound."""
    should = f"{low} or more" if below == math.inf else f"in [{low}, {below})"
    for end in value_range(number):
        reaches = f", which reaches {end}" if callable(number) else ""
        require(low <= end < below, f"{name} is {number}{reaches}, but should be {should}{why and f': {why}'}")
