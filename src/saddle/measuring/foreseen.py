"""What can be refused before any sample is made: nobody should wait for a figure that then cannot be had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch

from ..core import Mistake, require
from ..data.toys import modes
from ..metrics.diversity import scales_of
from .case import ONLY_IMAGES
from .eyes import Eyes
from .named import METRICS, Metric
from .sides import Known, comparable

OF_MODES = ("modes", "quality", "reverse-kl")  # of what names classes, those that points have, too


@contextmanager
def naming(metric: str) -> Iterator[None]:
    """A Mistake in here says of which metric it is."""
    try:
        yield
    except Mistake as mistake:
        raise Mistake(f"{metric} cannot be measured: {mistake}") from mistake


def foresee(names: Iterable[str], eyes: Eyes, made: Known, real: Known, generator: bool) -> None:
    """Make the extractors that these metrics look through; raises Mistake for a metric that cannot be had, naming it.

    `generator` tells whether what made the samples will be at hand.
    """
    comparable(made, real)
    for name in names:
        with naming(name):
            metric = METRICS[name]
            enough(metric, made.n, real.n)
            require(generator or not metric.function.startswith("paths."), ONLY_IMAGES)
            suits(name, metric, real)
            readable(eyes, metric, made)


def enough(metric: Metric, made: int, real: int) -> None:
    few = f"it needs {metric.least} samples or more on both sides, and there are {made:,} against {real:,}"
    require(min(made, real) >= metric.least, few)


def suits(name: str, metric: Metric, real: Known) -> None:
    """Have such data what the metric is about: classes, modes, pixels enough?"""
    if real.shape.points and metric.reads == "classes":
        require(name in OF_MODES, f"this metric needs class names, and {real.name} has none")
        modes(real.name)
    elif name == "quality":
        raise Mistake(f"this metric counts points near modes, and {real.name} has images; metric readable is for those")
    elif name == "msssim":
        scales_of((1, *real.shape[:3]))


def readable(eyes: Eyes, metric: Metric, made: Known) -> None:
    """Can the extractor read samples of this shape?"""
    eye = eyes.of(metric.reads)
    with torch.no_grad():
        eye.extractor(torch.zeros(1, *made.shape[:3], device=eye.device))
