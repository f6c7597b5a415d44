"""Who looks on while a run is played. No watcher changes the run; one may stop it by a signal, as anybody may."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ..core import Clock
from ..enduring import errors
from ..errors import visible
from ..runs.findings import Finding, Rollback
from ..runs.measures import Measurement


class Plan(NamedTuple):
    """What is about to be played."""

    title: str
    images: int  # in all
    start: int  # images already shown
    batch: int
    folder: Path
    gauges: frozenset[str] = frozenset()  # what is played with these names is no noisy term, but shown as it is


class Watcher:
    """Is told what happens, and is free to ignore it."""

    def begin(self, plan: Plan) -> None:
        """The first round is about to be played."""

    def played(self, clock: Clock, terms: Mapping[str, float], images_per_second: float) -> None:
        """Rounds have been played: where the run stands, and the terms ('critic/adversarial') of the last one."""

    def pictured(self, path: Path) -> None:
        """A contact sheet has been drawn."""

    def saved(self, path: Path) -> None:
        """A checkpoint has been written."""

    def said(self, sentence: str) -> None:
        """Something that a person should read."""

    def measured(self, measurement: Measurement, best: bool) -> None:
        """Figures have been taken; `best`: better ones than ever before in this run."""
        figures = "  ".join(f"{figure.title} {figure.value:.4g}" for figure in measurement.figures)
        self.said(f"at {measurement.images:,} images: {figures}{'  (the best so far)' if best else ''}")

    def found(self, finding: Finding) -> None:
        """A health check begins to speak; until it has cleared it is not heard again."""
        self.said(f"health, at {finding.images:,} images: {finding}")

    def cleared(self, check: str, images: int) -> None:
        """What a check had found is gone."""
        self.said(f"health, at {images:,} images: {check} no more")

    def returned(self, back: Rollback) -> None:
        """The run has gone back to a healthy state; no check speaks any more."""
        self.said(f"health, at {back.images:,} images: {back}")

    def end(self) -> None:
        """Nothing more will be played, for whatever reason."""


class Together(Watcher):
    """Several watchers as one."""

    def __init__(self, *watchers: Watcher) -> None:
        self.watchers = watchers

    def begin(self, plan: Plan) -> None:
        for watcher in self.watchers:
            watcher.begin(plan)

    def played(self, clock: Clock, terms: Mapping[str, float], images_per_second: float) -> None:
        for watcher in self.watchers:
            watcher.played(clock, terms, images_per_second)

    def pictured(self, path: Path) -> None:
        for watcher in self.watchers:
            watcher.pictured(path)

    def saved(self, path: Path) -> None:
        for watcher in self.watchers:
            watcher.saved(path)

    def said(self, sentence: str) -> None:
        for watcher in self.watchers:
            watcher.said(sentence)

    def measured(self, measurement: Measurement, best: bool) -> None:
        for watcher in self.watchers:
            watcher.measured(measurement, best)

    def found(self, finding: Finding) -> None:
        for watcher in self.watchers:
            watcher.found(finding)

    def cleared(self, check: str, images: int) -> None:
        for watcher in self.watchers:
            watcher.cleared(check, images)

    def returned(self, back: Rollback) -> None:
        for watcher in self.watchers:
            watcher.returned(back)

    def end(self) -> None:
        for watcher in self.watchers:
            watcher.end()


class Quiet(Watcher):
    """Says what a person should read, on stderr, and nothing else."""

    def said(self, sentence: str) -> None:
        print(visible(sentence), file=errors(), flush=True)

    def measured(self, measurement: Measurement, best: bool) -> None:
        """Needs no attention."""


def watchers(board: bool, quiet: bool) -> tuple[Watcher, ...]:
    """A live display on a terminal, plain lines elsewhere, warnings alone if `quiet`; TensorBoard if asked for."""
    from .board import Board  # each drags in what only it needs
    from .display import Live, Plain

    display = Quiet() if quiet else Live() if sys.stdout.isatty() and os.environ.get("TERM") != "dumb" else Plain()
    return (display, Board()) if board else (display,)
