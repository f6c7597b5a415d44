"""Numbers with how sure they are: standard errors, intervals by resampling, a metric for each class."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from ..errors import require

T = TypeVar("T")


class Estimate(NamedTuple):
    """A mean of independent values and its standard error."""

    value: float
    error: float | None  # standard error; None where a single value says nothing of it
    n: int  # independent values that were averaged


class Interval(NamedTuple):
    """A statistic of the whole sample, and between which values it lies at that level of confidence."""

    value: float
    low: float
    high: float
    level: float


def mean_estimate(values: Tensor) -> Estimate:
    """The mean of independent values (n,) with its standard error, in float64."""
    values = values.detach().double().flatten()
    require(len(values) > 0, "there are no values to average")
    error = float(values.std() / math.sqrt(len(values))) if len(values) > 1 else None
    return Estimate(float(values.mean()), error, len(values))


def student_t_quantile(freedom: int, level: float = 0.95) -> float:
    """How many standard errors to both sides hold so much of Student's t: 2.776 at 4 degrees of freedom.

    So many an interval needs whose error was estimated from few values: from `freedom` more than one. With
    t = sqrt(freedom) tan(angle) what lies within is a finite sum, which is solved for the angle by halving.
    """
    require(freedom > 0, f"an interval needs at least 1 degree of freedom, not {freedom}")
    require(0 < level < 1, f"level {level} must lie in 0 to 1")
    freedom, low, high = min(freedom, NORMAL_FREEDOM), 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < level else (low, middle)
    return math.sqrt(freedom) * math.tan(low)


NORMAL_FREEDOM = 1000  # degrees of freedom from which on t falls by less than 0.2 %


def _within(angle: float, freedom: int) -> float:
    """The share of Student's t between minus and plus sqrt(freedom) tan(angle): the integral of cos^(freedom - 1)."""
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term, total = (sine * cosine if odd else sine), 0.0
    for i in range(freedom // 2):
        total += term
        term *= cosine**2 * (2 * i + 1 + odd) / (2 * i + 2 + odd)
    return 2 / math.pi * (angle + total) if odd else total


def bootstrap_interval(
    statistic: Callable[..., float],
    *samples: Tensor,
    level: float = 0.95,
    times: int = 1000,
    halves: bool = False,
    seed: int = 0,
) -> Interval:
    """The interval of `statistic(*samples)`; rows (n, ...) of each sample are drawn anew, independently, `times` times.

    The spread of the draws about their own mean is put around the statistic of the whole samples, so a bias that grows
    with resampling (FID's) does not shift the interval. `halves` draws half of the rows without replacement, which has
    the bootstrap's variance but no duplicates: needed where neighbours are counted, as a duplicate is its own.
    """
    require(0 < level < 1 and times >= 20, f"level {level} must lie in 0 to 1, and {times} draws must be 20 or more")
    require(all(len(rows) >= 4 for rows in samples), "an interval needs samples of at least 4 rows")
    value, dice = float(statistic(*samples)), torch.Generator().manual_seed(seed)
    drawn = [float(statistic(*(rows[_picks(len(rows), halves, dice)] for rows in samples))) for _ in range(times)]
    spread = torch.tensor(drawn, dtype=torch.float64)
    tail = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    low, high = (torch.quantile(spread - spread.mean(), tail) + value).tolist()
    return Interval(value, low, high, level)


def metric_by_class(metric: Callable[..., T], *labelled: tuple[Tensor, Tensor]) -> dict[int, T]:
    """`metric(*rows)` for every class: each argument is rows (n, ...) with labels (n,); raises Mistake for a gap.

    by_class(precision_recall, (real, real_labels), (fake, fake_labels))[3] is that of the fourth class.
    """
    found = [frozenset(labels.tolist()) for _, labels in labelled]
    require(len(found) > 0, "there are no rows to take apart by class")
    lacking = sorted(frozenset.union(*found) - frozenset.intersection(*found))
    require(not lacking, f"figures per class need every class on both sides; class {lacking[:5]} is on one side only")
    return {label: metric(*(rows[labels == label] for rows, labels in labelled)) for label in sorted(found[0])}


def _picks(n: int, halves: bool, dice: torch.Generator) -> Tensor:
    return torch.randperm(n, generator=dice)[: n // 2] if halves else torch.randint(n, (n,), generator=dice)
