"""Samples and what they are compared with, and every figure of them that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

from torch import Tensor

from ..blame import blame_user_code
from ..data.dataset import Dataset
from ..data.sources import notify_nobody
from ..data.undecoded import Notify
from ..errors import Failure, Mistake, require
from ..metrics.figures import Figure, Protocol
from .extractors import Extractors
from .foreseen import check_sample_count, naming_metric
from .inputs import SampleInfo, SampleSet, check_same_shape
from .maker import GeneratorHandle
from .metric_input import MetricInput, MetricResult, predicted_classes
from .metric_table import Metric, all_metrics
from .seen import DeviceExtractor, SampleFeatures

DEFAULT_SAMPLES, DEFAULT_SOURCE_SAMPLES, DEFAULT_REFERENCES = (
    10_000,
    50_000,
    100_000,
)  # samples of a run, of a source, and data compared with, unless asked for


class Evaluation:
    """Both sides; an extractor reads each of them once, whatever the metrics are."""

    def __init__(self, made: Dataset, real: Dataset, eyes: Extractors, *, seed: int = 0,
                 maker: GeneratorHandle | None = None,
                 counts: tuple[int, int] = (DEFAULT_SOURCE_SAMPLES, DEFAULT_REFERENCES),
                 say: Notify = notify_nobody) -> None:  # fmt: skip
        check_same_shape(SampleInfo.of(made), SampleInfo.of(real))
        self.made, self.real = SampleSet(made, counts[0]), SampleSet(real, counts[1])
        self.extractors, self.seed, self.maker, self.say = eyes, seed, maker, say

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
            SampleFeatures(self.made, eye, self.say), SampleFeatures(self.real, eye, self.say), self.seed, self.maker
        )

    def class_inputs(self, case: MetricInput) -> Iterator[tuple[str, MetricInput]]:
        """For each class of the data: the samples and the data of that class alone."""
        theirs = self.real.labels
        if theirs is None:
            raise Mistake(f"figures per class need labels, and {self.real.data.name} has none")
        ours = self.sample_labels()
        for label, name in enumerate(self.real.data.classes):
            rows = [(labels == label).nonzero()[:, 0] for labels in (ours, theirs)]
            if not len(rows[0]):
                raise Mistake(f"there is no sample of class {name} to take a figure of")
            yield name, case.subset(*rows)

    def sample_labels(self) -> Tensor:
        """Of the samples: their own, else what the classifier reads in them."""
        own = self.made.labels
        if own is not None and self.made.data.classes == self.real.data.classes:
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
        references = len(case.real) if number.references is None else number.references
        return Protocol(**through, samples=samples, reference=data.name, references=references,
                        fingerprint=data.fingerprint, seed=self.seed,
                        generator=self.maker.weights if self.maker else "")  # fmt: skip


def metric_function(metric: Metric) -> Callable[[MetricInput], MetricResult]:
    """What works a metric out; a module of saddle's is imported only now."""
    if not isinstance(metric.function, str):
        return metric.function
    module, _, name = metric.function.partition(".")
    found: Callable[[MetricInput], MetricResult] = getattr(import_module(f"{__package__}.{module}"), name)
    return found
