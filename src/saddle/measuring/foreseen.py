"""What can be refused before any sample is made: nobody should wait for a figure that then cannot be had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch

from ..core import Mistake, Shape, require
from ..data.toys import modes
from ..metrics.diversity import scales_of
from ..runs.settings import Settings
from . import weights
from .case import ONLY_IMAGES
from .eyes import Eyes, learnable, silent, unnamed
from .named import FEATURES, METRICS, Metric, Reads, chosen, names_classes
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


def foretell(wanted: str | None, features: str, real: Known, samples: int, generator: bool = True,
             windows: bool = False, download: bool = False) -> None:  # fmt: skip
    """Refuse what the shape of the data alone tells: before any of them is read, and anything is made of them.

    `windows`: random ones of larger pictures are shown. `download`: Inception's weights may be fetched.
    """
    for name in chosen(wanted) if wanted else ():
        with naming(name):
            metric = METRICS[name]
            enough(metric, samples, real.n)
            require(generator or not metric.function.startswith("paths."), ONLY_IMAGES)
            suits(name, metric, real)
            seen(features, metric.reads, real, windows, download)
    if not wanted:
        seen(features, "features", real, windows, download)


def foretell_run(chosen: Settings, shape: Shape, most: int | None) -> None:
    """The same of a run that is measured as it trains, of data of this shape and `most` samples, if that is known."""
    real = Known(chosen.data or "", shape, chosen.samples if most is None else most)
    foretell(chosen.measure, chosen.features, real, chosen.samples, windows=chosen.crop == "random")


def seen(features: str, reads: Reads, real: Known, windows: bool, download: bool) -> None:
    """Can such features be had of such data, and do they tell what a metric reads?"""
    shape = real.shape
    if reads in ("pixels", "images") or (reads == "classes" and shape.points):
        return
    if not download and (features.partition(":")[0] == "inception" or (reads == "spatial" and features in FEATURES)):
        weights.needed(False, silent)
    if reads == "spatial":
        return
    if features == "classifier":
        require(shape.classes > 1, f"a classifier needs labels of at least two classes; {real.name} has none to tell "
                                   "apart")  # fmt: skip
        require(not windows, "a classifier cannot read random windows; --crop centre is fixed")
    pixels = features in ("auto", "identity") or not shape.points
    require(pixels, f"features {features} are of pictures, and {real.name} has points; --features identity takes them")
    if reads == "classes":
        require(features != "auto" or (learnable(shape) and not windows), unnamed(real.name))
        require(names_classes(features), f"this metric needs class names, and features {features} give none; "
                                         "--features classifier does, or whole Inception")  # fmt: skip


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
