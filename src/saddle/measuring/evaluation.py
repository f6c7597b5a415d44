"""Samples and what they are compared with, and every figure of them that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from ..blame import blame_user_code
from ..core import Game
from ..data.dataset import Dataset, class_names
from ..data.oracle import is_oracle
from ..data.toys import toy_modes
from ..errors import Failure, Mistake, require
from ..hub_models import TRANSFORMERS, VISION, missing_transformers
from ..image_size import ImageSize
from ..latent.styles import check_makes_styles
from ..metrics.diversity import count_scales
from ..metrics.features import inception_download
from ..metrics.figures import Figure, Protocol
from ..metrics.paired import check_window
from ..metrics.sliced import check_patch_size
from ..notices import Notify, notify_nobody
from ..runs.settings import Settings
from ..shape import Shape
from .extractors import Extractors, learnable, unnamed
from .features import DeviceExtractor, SampleFeatures
from .inputs import SampleInfo, SampleSet, check_same_shape
from .makers import SampleMaker
from .metric_input import NEEDS_GENERATOR, NEEDS_TARGETS, MetricInput, MetricResult, predicted_classes
from .metric_table import (
    FEATURE_NAMES,
    LINE_METRICS,
    Metric,
    MetricReads,
    all_metrics,
    names_classes,
    parse_metric_names,
)

DEFAULT_SAMPLES, DEFAULT_SOURCE_SAMPLES, DEFAULT_REFERENCES = (
    10_000,
    50_000,
    100_000,
)  # samples of a run, of a source, and data compared with, unless asked for


class Evaluation:
    """Both sides; an extractor reads each of them once, whatever the metrics are.

    `asked`: samples, where somebody said how many.
    """

    def __init__(self, made: Dataset, real: Dataset, eyes: Extractors, *, seed: int = 0,
                 maker: SampleMaker | None = None, neighbours: int | None = None, asked: int | None = None,
                 counts: tuple[int, int] = (DEFAULT_SOURCE_SAMPLES, DEFAULT_REFERENCES),
                 say: Notify = notify_nobody) -> None:  # fmt: skip
        check_same_shape(SampleInfo.of(made), SampleInfo.of(real))
        self.made, self.real = SampleSet(made, counts[0]), SampleSet(real, counts[1])
        self.extractors, self.seed, self.maker, self.say = eyes, seed, maker, say
        self.neighbours, self.asked = neighbours, asked

    def figures(self, wanted: Iterable[str], per_class: bool = False) -> list[Figure]:
        """In the order in which they were named; raises Mistake for one that cannot be had here, naming it."""
        return [figure for name in wanted for figure in self.metric_figures(name, per_class)]

    def metric_figures(self, name: str, per_class: bool) -> Iterator[Figure]:
        metric = all_metrics()[name]
        with naming_metric(name):
            case = self.metric_input(self.extractors.for_reads(metric.reads))
            whole = self.figure(name, metric, case)
            if whole.note:
                self.say(f"warning: {whole.title}: {whole.note}")
            yield whole
            for label, part in self.class_inputs(case) if per_class else ():
                figure = self.figure(name, metric, part)
                yield replace(figure, metric=f"{name}[{label}]", title=f"{figure.title}, class {label}")

    @cache  # noqa: B019 - as long as the measurement
    def metric_input(self, eye: DeviceExtractor) -> MetricInput:
        return MetricInput(
            SampleFeatures(self.made, eye, self.say),
            SampleFeatures(self.real, eye, self.say),
            self.seed,
            self.maker,
            self.asked,
            self.neighbours,
        )

    def class_inputs(self, case: MetricInput) -> Iterator[tuple[str, MetricInput]]:
        """For each class of the data: the samples and the data of that class alone."""
        theirs = self.real.labels
        if theirs is None:
            raise Mistake(f"figures per class need labels, and {self.real.data.name} has none")
        ours = self.sample_labels()
        for label, name in enumerate(class_names(self.real.data)):
            rows = [(labels == label).nonzero()[:, 0] for labels in (ours, theirs)]
            if not len(rows[0]):
                raise Mistake(f"there is no sample of class {name} to take a figure of")
            yield name, case.subset(*rows)

    def sample_labels(self) -> Tensor:
        """Of the samples: their own, else what the classifier reads in them."""
        own = self.made.labels
        if own is not None and class_names(self.made.data) == class_names(self.real.data):
            return own
        return predicted_classes(self.metric_input(self.extractors.class_extractor).made.probabilities)

    def figure(self, name: str, metric: Metric, case: MetricInput) -> Figure:
        check_sample_count(metric, len(case.made), len(case.real))
        with blame_user_code(Failure):
            number = metric_function(metric)(case)
            require(isinstance(number, MetricResult),
                    f"its function gave {type(number).__name__}, but should give a MetricResult")  # fmt: skip
        protocol = self.protocol(metric, case, number)
        return Figure(name, number.title, number.value, number.low, number.high, metric.better, protocol, number.note)

    def protocol(self, metric: Metric, case: MetricInput, number: MetricResult) -> Protocol:
        extractor, data = case.made.extractor.network, self.real.data
        through: dict[str, Any] = {} if metric.reads == "images" else {
            "features": extractor.name, "dimension": extractor.dimension, "weights": extractor.sha256,
            "resize": extractor.resize}  # fmt: skip
        samples = len(case.made) if number.samples is None else number.samples
        references, maker = len(case.real) if number.references is None else number.references, self.maker
        return Protocol(**through, samples=samples, reference=data.name, references=references,
                        fingerprint=data.fingerprint, seed=self.seed,
                        generator=maker.weights if maker else "", made=maker.made if maker else "",
                        standing=maker.loaded.standing if maker else 0)  # fmt: skip


def metric_function(metric: Metric) -> Callable[[MetricInput], MetricResult]:
    """What works a metric out; a module of saddle's is imported only now."""
    if not isinstance(metric.function, str):
        return metric.function
    module, _, name = metric.function.partition(".")
    found: Callable[[MetricInput], MetricResult] = getattr(import_module(f"{__package__}.{module}"), name)
    return found


POINT_CLASS_METRICS = ("modes", "quality", "reverse-kl")  # of what names classes, those that points have, too


@contextmanager
def naming_metric(metric: str) -> Iterator[None]:
    """A Mistake in here says of which metric it is."""
    try:
        yield
    except Mistake as mistake:
        raise Mistake(f"{metric} cannot be measured: {mistake}") from mistake


def preflight(names: Iterable[str], eyes: Extractors, made: SampleInfo, real: SampleInfo, generator: bool,
              targets: bool = False) -> None:  # fmt: skip
    """Make the extractors that these metrics look through; raises Mistake for a metric that cannot be had, naming it.

    `generator` tells whether what made the samples will be at hand, `targets` whether it is known what each should be.
    """
    check_same_shape(made, real)
    metrics = {name: all_metrics()[name] for name in names}
    for name, metric in metrics.items():
        with naming_metric(name):
            check_sample_count(metric, made.n, real.n)
            require(generator or not metric.generator, NEEDS_GENERATOR)
            require(targets or not metric.paired, NEEDS_TARGETS)
            check_data_kind(name, metric, real)
    for name, metric in metrics.items():  # once nothing is left to refuse, for some of these are trained or fetched
        with naming_metric(name):
            check_extractor(eyes, metric, made)


def check_game(names: Iterable[str], kind: type) -> None:
    """Refuse what a class of games has not that metrics read, before anything is read; a mere `Game` may have it."""
    for name in names:
        if all_metrics()[name].styles and kind is not Game:
            with naming_metric(name):
                check_makes_styles(kind)


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
    if reads in ("pixels", "images", "lines") or (reads == "classes" and shape.points):
        return
    if not download and (
        features.partition(":")[0] == "inception" or (reads == "spatial" and features in FEATURE_NAMES)
    ):
        inception_download.ensure_inception_weights(False, notify_nobody)
    if reads == "spatial":
        return
    if reads == "dinov2":
        pictures = not (shape.points or shape.text)
        require(pictures, f"it looks through DINOv2, which reads pictures, and {real.name} has none")
        require(find_spec(TRANSFORMERS) is not None, missing_transformers(VISION))
        return
    if features == "classifier":
        require(shape.classes > 1, f"a classifier needs labels of at least two classes; {real.name} has none to tell "
                                   "apart")  # fmt: skip
        require(not windows, "a classifier cannot read random windows; --crop centre is fixed")
    pixels = features in ("auto", "identity") or not (shape.points or shape.text)
    has = "lines" if shape.text else "points"
    require(pixels, f"features {features} are of pictures, and {real.name} has {has}; --features identity takes them")
    if reads == "classes":
        require(features != "auto" or (learnable(shape) and not windows), unnamed(real.name))
        require(names_classes(features), f"this metric needs class names, and features {features} give none; "
                                         "--features classifier does, or whole Inception")  # fmt: skip


def check_sample_count(metric: Metric, made: int, real: int) -> None:
    few = f"it needs {metric.least} samples or more on both sides, and there are {made:,} against {real:,}"
    require(min(made, real) >= metric.least, few)


def check_data_kind(name: str, metric: Metric, real: SampleInfo) -> None:
    """Have such data what the metric is about: classes, modes, pixels enough?"""
    if real.shape.text is not None:
        fits = metric.reads in ("features", "lines") and name not in ("fid", "kid", "mind", "fd-inf")
        require(fits, f"it is a metric of pictures, and {real.name} has lines of text; {', '.join(LINE_METRICS)} and "
                      "others of neighbours are for those, and nll-oracle for data oracle")  # fmt: skip
        require(name != "nll-oracle" or is_oracle(real.name), f"only the data oracle are of a known language, not "
                                                              f"{real.name}")  # fmt: skip
    elif metric.reads == "lines":
        raise Mistake(f"it is a metric of lines of text, and {real.name} has {real.shape}")
    elif real.shape.points and metric.reads == "classes":
        require(name in POINT_CLASS_METRICS, f"this metric needs class names, and {real.name} has none")
        toy_modes(real.name)
    elif name == "quality":
        raise Mistake(f"this metric counts points near modes, and {real.name} has images; metric readable is for those")
    elif name == "ssim":
        check_window(real.shape[:3])
    elif name == "msssim":
        count_scales((1, *real.shape[:3]))
    elif name == "swd" and not real.shape.points:
        check_patch_size(ImageSize(*real.shape[1:3]))


def check_extractor(eyes: Extractors, metric: Metric, made: SampleInfo) -> None:
    """Can the extractor read samples of this shape?"""
    eye = eyes.for_reads(metric.reads)
    with torch.no_grad():
        eye.network(torch.zeros(1, *made.shape[:3], device=eye.device))
