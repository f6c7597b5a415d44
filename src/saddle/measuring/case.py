"""What a metric's function gets to read, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypedDict, Unpack

import torch
from torch import Tensor

from ..core import Mistake
from ..metrics.estimates import student
from ..metrics.manifold import DensityCoverage, PrecisionRecall, both_manifolds
from ..metrics.memory import Memorised, memorised
from .maker import Maker
from .seen import Seen

SURE = 1.96  # standard errors to both sides: 95 %
ONLY_IMAGES = "this metric reads a generator, and these are only images; name a run that made them"


class Used(TypedDict, total=False):
    """What more there may be to say of a number."""

    samples: int
    references: int
    note: str


class Number(NamedTuple):
    """A figure without its protocol."""

    value: float
    title: str
    low: float | None = None  # of its interval of 95 %
    high: float | None = None
    samples: int | None = None  # of those there were, how many were used; None: all
    references: int | None = None
    note: str = ""  # what to know before it is believed

    @staticmethod
    def of(value: float, error: float | None, title: str, values: int | None = None, **used: Unpack[Used]) -> Number:
        """With the interval of a standard error: by Student's t of one that comes from so many `values`."""
        if error is None:
            return Number(value, title, None, None, **used)
        reach = (SURE if values is None else student(values - 1)) * error
        return Number(value, title, value - reach, value + reach, **used)


def share(value: float, n: int, title: str, **used: Unpack[Used]) -> Number:
    """A share of n, with the interval (Wilson 1927, from memory) that stays between 0 and 1 where none or all are."""
    middle, shrink = value + SURE**2 / (2 * n), 1 + SURE**2 / n
    reach = SURE * (value * (1 - value) / n + SURE**2 / (4 * n**2)) ** 0.5
    low, high = (middle - reach) / shrink, (middle + reach) / shrink
    return Number(value, title, max(0.0, min(low, value)), min(1.0, max(high, value)), **used)


@dataclass(eq=False)
class Case:
    """Samples and data through one extractor."""

    made: Seen
    real: Seen
    seed: int = 0
    maker: Maker | None = None  # what made the samples, where that is at hand

    @property
    def eye(self) -> str:
        return self.made.eye.title

    def equal(self, most: int) -> tuple[Tensor, Tensor]:
        """Features of as many data and samples, at most so many: (n, d) both."""
        n = min(len(self.made), len(self.real), most)
        return self.real.features[:n], self.made.features[:n]

    @cached_property
    def manifolds(self) -> tuple[PrecisionRecall, DensityCoverage, int]:
        """The four figures of neighbourhoods, and of how many samples on both sides."""
        real, made = self.equal(MANIFOLD)
        return *both_manifolds(real, made, dense=DENSE), len(made)

    @cached_property
    def memory(self) -> Memorised:
        return memorised(self.real.features, self.made.features[:REMEMBERED])

    @property
    def generator(self) -> Maker:
        if self.maker is None:
            raise Mistake(ONLY_IMAGES)
        return self.maker

    def part(self, ours: Tensor, theirs: Tensor) -> Case:
        """Only these samples and these data: what a figure of one class is of."""
        return Case(self.made.only(ours), self.real.only(theirs), self.seed)


MANIFOLD = 10_000  # samples on both sides whose neighbourhoods are drawn: distances grow with the square
DENSE = 5  # neighbours that density and coverage reach to
REMEMBERED = 1_000  # samples that are looked for among the data


def names(probabilities: Tensor) -> Tensor:
    return probabilities.argmax(1)


def counted(which: Tensor, classes: int) -> Tensor:
    return torch.bincount(which, minlength=classes)
