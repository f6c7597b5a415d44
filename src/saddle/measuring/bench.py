"""Samples and what they are compared with, and every figure of them that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import Any

from torch import Tensor

from ..core import Mistake
from ..data.dataset import Dataset
from ..metrics.figures import Figure, Protocol
from .case import Case, Number, names
from .eyes import Eyes, Say, silent
from .foreseen import enough, naming
from .maker import Maker
from .named import METRICS, Metric
from .seen import Eye, Seen
from .sides import Known, Side, comparable

MADE, GIVEN, DATA = 10_000, 50_000, 100_000  # samples of a run, of a source, and data compared with, unless asked for


class Bench:
    """Both sides; an extractor reads each of them once, whatever the metrics are."""

    def __init__(self, made: Dataset, real: Dataset, eyes: Eyes, *, seed: int = 0, maker: Maker | None = None,
                 counts: tuple[int, int] = (GIVEN, DATA), say: Say = silent) -> None:  # fmt: skip
        comparable(Known.of(made), Known.of(real))
        self.made, self.real = Side(made, counts[0]), Side(real, counts[1])
        self.eyes, self.seed, self.maker, self.say = eyes, seed, maker, say

    def figures(self, wanted: Iterable[str], per_class: bool = False) -> list[Figure]:
        """In the order in which they were named; raises Mistake for one that cannot be had here, naming it."""
        return [figure for name in wanted for figure in self.named(name, per_class)]

    def named(self, name: str, per_class: bool) -> Iterator[Figure]:
        metric = METRICS[name]
        with naming(name):
            case = self.case(self.eyes.of(metric.reads))
            whole = self.figure(name, metric, case)
            if whole.note:
                self.say(f"warning: {whole.title}: {whole.note}")
            yield whole
            for label, part in self.parts(case) if per_class else ():
                figure = self.figure(name, metric, part)
                yield replace(figure, metric=f"{name}[{label}]", title=f"{figure.title}, class {label}")

    @cache  # noqa: B019 - as long as the measurement
    def case(self, eye: Eye) -> Case:
        return Case(Seen(self.made, eye, self.say), Seen(self.real, eye, self.say), self.seed, self.maker)

    def parts(self, case: Case) -> Iterator[tuple[str, Case]]:
        """For each class of the data: the samples and the data of that class alone."""
        theirs = self.real.labels
        if theirs is None:
            raise Mistake(f"figures per class need labels, and {self.real.data.name} has none")
        ours = self.labels()
        for label, name in enumerate(self.real.data.classes):
            rows = [(labels == label).nonzero()[:, 0] for labels in (ours, theirs)]
            if not len(rows[0]):
                raise Mistake(f"there is no sample of class {name} to take a figure of")
            yield name, case.part(*rows)

    def labels(self) -> Tensor:
        """Of the samples: their own, else what the classifier reads in them."""
        own = self.made.labels
        if own is not None and self.made.data.classes == self.real.data.classes:
            return own
        return names(self.case(self.eyes.namer).made.probabilities)

    def figure(self, name: str, metric: Metric, case: Case) -> Figure:
        enough(metric, len(case.made), len(case.real))
        number = function(metric)(case)
        protocol = self.protocol(metric, case, number)
        return Figure(name, number.title, number.value, number.low, number.high, metric.better, protocol, number.note)

    def protocol(self, metric: Metric, case: Case, number: Number) -> Protocol:
        extractor, data = case.made.eye.extractor, self.real.data
        through: dict[str, Any] = {} if metric.reads == "images" else {
            "features": extractor.name, "dimension": extractor.dimension, "weights": extractor.sha256,
            "resize": extractor.resize}  # fmt: skip
        samples = len(case.made) if number.samples is None else number.samples
        references = len(case.real) if number.references is None else number.references
        return Protocol(**through, samples=samples, reference=data.name, references=references,
                        fingerprint=data.fingerprint, seed=self.seed,
                        generator=self.maker.weights if self.maker else "")  # fmt: skip


def function(metric: Metric) -> Callable[[Case], Number]:
    """What works a metric out; its module is imported only now."""
    module, _, name = metric.function.partition(".")
    found: Callable[[Case], Number] = getattr(import_module(f"{__package__}.{module}"), name)
    return found
