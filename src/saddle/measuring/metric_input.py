"""What a metric's function gets to read, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, TypedDict, Unpack

import torch
from torch import Tensor

from ..errors import Mistake
from ..metrics.estimates import student_t_quantile
from ..metrics.manifold import DensityCoverage, PrecisionRecall, manifold_metrics
from ..metrics.memorisation import Memorisation, measure_memorisation
from .features import SampleFeatures
from .makers import GeneratorHandle, SampleMaker

STANDARD_ERRORS = 1.96  # standard errors to both sides: 95 %
NEEDS_TARGETS = (
    "it compares each translation of a run with what this should be, which is known of pairs, and of unpaired images "
    "that were made of pairs"
)
NEEDS_GENERATOR = "this metric reads a generator, and these are only images; name a run that made them"


class ResultDetails(TypedDict, total=False):
    """What more there may be to say of a number."""

    samples: int
    references: int
    note: str


class MetricResult(NamedTuple):
    """A figure without its protocol."""

    value: float
    title: str
    low: float | None = None  # of its interval of 95 %
    high: float | None = None
    samples: int | None = None  # of those there were, how many were used; None: all
    references: int | None = None
    note: str = ""  # what to know before it is believed

    @staticmethod
    def of(
        value: float, error: float | None, title: str, values: int | None = None, **used: Unpack[ResultDetails]
    ) -> MetricResult:
        """With the interval of a standard error: by Student's t of one that comes from so many `values`."""
        if error is None:
            return MetricResult(value, title, None, None, **used)
        reach = (STANDARD_ERRORS if values is None else student_t_quantile(values - 1)) * error
        return MetricResult(value, title, value - reach, value + reach, **used)


def share_result(value: float, n: int, title: str, **used: Unpack[ResultDetails]) -> MetricResult:
    """A share of n, with the interval (Wilson 1927, from memory) that stays between 0 and 1 where none or all are."""
    middle, shrink = value + STANDARD_ERRORS**2 / (2 * n), 1 + STANDARD_ERRORS**2 / n
    reach = STANDARD_ERRORS * (value * (1 - value) / n + STANDARD_ERRORS**2 / (4 * n**2)) ** 0.5
    low, high = (middle - reach) / shrink, (middle + reach) / shrink
    return MetricResult(value, title, max(0.0, min(low, value)), min(1.0, max(high, value)), **used)


@dataclass(eq=False)
class MetricInput:
    """Samples and data through one extractor."""

    made: SampleFeatures
    real: SampleFeatures
    seed: int = 0
    maker: SampleMaker | None = None  # what made the samples, where that is at hand
    asked: int | None = None  # samples, where it was said how many
    neighbours: int | None = None  # that balls reach to, if it was said how many; see `manifolds`

    @property
    def extractor_title(self) -> str:
        return self.made.extractor.title

    def equal_features(self, most: int) -> tuple[Tensor, Tensor]:
        """Features of as many data and samples, at most so many: (n, d) both."""
        n = min(len(self.made), len(self.real), most)
        return self.real.features[:n], self.made.features[:n]

    @cached_property
    def manifolds(self) -> tuple[PrecisionRecall, DensityCoverage, int]:
        """The four figures of neighbourhoods, and of how many samples on both sides."""
        real, made = self.equal_features(MANIFOLD_SAMPLES)
        k = self.neighbours
        return *manifold_metrics(real, made, k or MANIFOLD_NEIGHBOURS, k or DENSITY_NEIGHBOURS), len(made)

    @property
    def manifold_title(self) -> str:
        """What is behind the name of such a figure: the features, and how many neighbours if that was said."""
        return self.extractor_title if self.neighbours is None else f"{self.extractor_title}, k = {self.neighbours}"

    @cached_property
    def memorisation(self) -> Memorisation:
        return measure_memorisation(self.real.features, self.made.features[:MEMORISATION_SAMPLES])

    @property
    def generator(self) -> GeneratorHandle:
        if not isinstance(self.maker, GeneratorHandle):
            raise Mistake(NEEDS_GENERATOR)
        return self.maker

    def subset(self, ours: Tensor, theirs: Tensor) -> MetricInput:
        """Only these samples and these data: what a figure of one class is of."""
        return MetricInput(self.made.subset(ours), self.real.subset(theirs), self.seed, neighbours=self.neighbours)


MANIFOLD_SAMPLES = 10_000  # samples on both sides whose neighbourhoods are drawn: distances grow with the square
MANIFOLD_NEIGHBOURS = 3  # neighbours that the balls of precision and recall reach to
DENSITY_NEIGHBOURS = 5  # neighbours that density and coverage reach to
MEMORISATION_SAMPLES = 1_000  # samples that are looked for among the data


def predicted_classes(probabilities: Tensor) -> Tensor:
    return probabilities.argmax(1)


def count_labels(which: Tensor, classes: int) -> Tensor:
    return torch.bincount(which, minlength=classes)
