"""What can be refused before any sample is made: nobody should wait for a figure that then cannot be had."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch

from ..data.sources import notify_nobody
from ..data.toys import toy_modes
from ..errors import Mistake, require
from ..metrics.diversity import count_scales
from ..metrics.features import inception_download
from ..runs.settings import Settings
from ..shape import Shape
from .extractors import Extractors, learnable, unnamed
from .inputs import SampleInfo, check_same_shape
from .metric_input import NEEDS_GENERATOR
from .metric_table import FEATURE_NAMES, Metric, MetricReads, all_metrics, names_classes, parse_metric_names

POINT_CLASS_METRICS = ("modes", "quality", "reverse-kl")  # of what names classes, those that points have, too


@contextmanager
def naming_metric(metric: str) -> Iterator[None]:
    """A Mistake in here says of which metric it is."""
    try:
        yield
    except Mistake as mistake:
        raise Mistake(f"{metric} cannot be measured: {mistake}") from mistake


def preflight(names: Iterable[str], eyes: Extractors, made: SampleInfo, real: SampleInfo, generator: bool) -> None:
    """Make the extractors that these metrics look through; raises Mistake for a metric that cannot be had, naming it.

    `generator` tells whether what made the samples will be at hand.
    """
    check_same_shape(made, real)
    for name in names:
        with naming_metric(name):
            metric = all_metrics()[name]
            check_sample_count(metric, made.n, real.n)
            require(generator or not metric.generator, NEEDS_GENERATOR)
            check_data_kind(name, metric, real)
            check_extractor(eyes, metric, made)


def foretell(wanted: str | None, features: str, real: SampleInfo, samples: int, generator: bool = True,
             windows: bool = False, download: bool = False) -> None:  # fmt: skip
    """Refuse what the shape of the data alone tells: before any of them is read, and anything is made of them.

    `windows`: random ones of larger pictures are shown. `download`: Inception's weights may be fetched.
    """
    for name in parse_metric_names(wanted) if wanted else ():
        with naming_metric(name):
            metric = all_metrics()[name]
            check_sample_count(metric, samples, real.n)
            require(generator or not metric.generator, NEEDS_GENERATOR)
            check_data_kind(name, metric, real)
            seen(features, metric.reads, real, windows, download)
    if not wanted:
        seen(features, "features", real, windows, download)


def foretell_run(chosen: Settings, shape: Shape, most: int | None) -> None:
    """The same of a run that is measured as it trains, of data of this shape and `most` samples, if that is known."""
    real = SampleInfo(chosen.data or "", shape, chosen.samples if most is None else most)
    foretell(chosen.measure, chosen.features, real, chosen.samples, windows=chosen.crop == "random")


def seen(features: str, reads: MetricReads, real: SampleInfo, windows: bool, download: bool) -> None:
    """Can such features be had of such data, and do they tell what a metric reads?"""
    shape = real.shape
    if reads in ("pixels", "images") or (reads == "classes" and shape.points):
        return
    if not download and (
        features.partition(":")[0] == "inception" or (reads == "spatial" and features in FEATURE_NAMES)
    ):
        inception_download.ensure_inception_weights(False, notify_nobody)
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


def check_sample_count(metric: Metric, made: int, real: int) -> None:
    few = f"it needs {metric.least} samples or more on both sides, and there are {made:,} against {real:,}"
    require(min(made, real) >= metric.least, few)


def check_data_kind(name: str, metric: Metric, real: SampleInfo) -> None:
    """Have such data what the metric is about: classes, modes, pixels enough?"""
    if real.shape.points and metric.reads == "classes":
        require(name in POINT_CLASS_METRICS, f"this metric needs class names, and {real.name} has none")
        toy_modes(real.name)
    elif name == "quality":
        raise Mistake(f"this metric counts points near modes, and {real.name} has images; metric readable is for those")
    elif name == "msssim":
        count_scales((1, *real.shape[:3]))


def check_extractor(eyes: Extractors, metric: Metric, made: SampleInfo) -> None:
    """Can the extractor read samples of this shape?"""
    eye = eyes.for_reads(metric.reads)
    with torch.no_grad():
        eye.network(torch.zeros(1, *made.shape[:3], device=eye.device))
