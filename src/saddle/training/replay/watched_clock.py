"""A clock that notes what a round asks it, and gives schedules as scalars of the device: what replayed rounds hang on.

A replay runs no Python. So what a round only multiplies by stands in memory that is written before each replay, and
what it decides by must answer as it did when the round was captured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from ...clock import Clock, Schedule

T = TypeVar("T")
WATCHED = ("round", "images", "share", "stage_share")  # a stage has graphs of its own


class Answer(NamedTuple):
    """What a round asked of the time, and what it was told."""

    question: Callable[[Clock], Any]
    answer: Any


class NotStatic(RuntimeError):
    """A round asks for what was not there when it was first watched."""


class Scalars:
    """Schedules' values, so many times each, as float32 scalars of a device."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.known: list[tuple[Schedule, float, Tensor]] = []
        self.complete = False  # while a graph is captured no scalar can be made

    def find(self, schedule: Schedule, times: float, clock: Clock) -> Tensor:
        for known, factor, scalar in self.known:
            if known == schedule and factor == times:
                return scalar
        if self.complete:
            raise NotStatic(f"a round follows another schedule than the one before it: {schedule}")
        scalar = torch.full((), times * schedule(clock), dtype=torch.float32, device=self.device)
        self.known.append((schedule, times, scalar))
        return scalar

    def refresh(self, clock: Clock) -> None:
        """Write down what the values are now."""
        for schedule, times, scalar in self.known:
            scalar.fill_(times * schedule(clock))


class WatchedClock(Clock):
    """The same time, whose readings are noted in `answers`: also those of a field, which no later round repeats."""

    plain: Clock
    scalars: Scalars
    answers: list[Answer]

    @classmethod
    def watch(cls, clock: Clock, scalars: Scalars) -> WatchedClock:
        watched = cls(*clock)
        watched.plain, watched.scalars, watched.answers = clock, scalars, []
        return watched

    def read(self, question: Callable[[Clock], T]) -> T:
        answer = question(self.plain)
        self.answers.append(Answer(question, answer))
        return answer

    def follow(self, schedule: Schedule, times: float = 1) -> Tensor:
        return self.scalars.find(schedule, times, self.plain)

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name in WATCHED:
            self.answers.append(Answer(attrgetter(name), value))
        return value

    def __iter__(self) -> Iterator[Any]:
        return iter([getattr(self, name) for name in self._fields])

    def __getitem__(self, index: Any) -> Any:
        return tuple(self)[index]


def differing_answer(answers: Sequence[Answer], clock: Clock) -> Answer | None:
    """The first question that would be answered otherwise now."""
    return next((one for one in answers if one.question(clock) != one.answer), None)
