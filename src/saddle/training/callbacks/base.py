"""Who looks on while a run is played. No watcher changes the run; one may stop it by a signal, as anybody may."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ...clock import Clock
from ...enduring import errors
from ...errors import escape_unprintable
from ...runs.findings import Finding, Rollback
from ...runs.measures import Measurement


class RunPlan(NamedTuple):
    """What is about to be played."""

    title: str
    images: int  # in all
    start: int  # images already shown
    batch: int
    folder: Path
    logged_scalars: frozenset[str] = frozenset()  # what is played with these names is no noisy term, but shown as it is


class Callback:
    """Is told what happens, and is free to ignore it."""

    def on_begin(self, plan: RunPlan) -> None:
        """The first round is about to be played."""

    def on_progress(self, clock: Clock, terms: Mapping[str, float], images_per_second: float) -> None:
        """Rounds have been played: where the run stands, and the terms ('critic/adversarial') of the last one."""

    def on_picture(self, path: Path) -> None:
        """A contact sheet has been drawn."""

    def on_checkpoint(self, path: Path) -> None:
        """A checkpoint has been written."""

    def on_message(self, sentence: str) -> None:
        """Something that a person should read."""

    def on_measurement(self, measurement: Measurement, best: bool) -> None:
        """Figures have been taken; `best`: better ones than ever before in this run."""
        figures = "  ".join(f"{figure.title} {figure.value:.4g}" for figure in measurement.figures)
        self.on_message(f"at {measurement.images:,} images: {figures}{'  (the best so far)' if best else ''}")

    def on_finding(self, finding: Finding) -> None:
        """A health check begins to speak; until it has cleared it is not heard again."""
        self.on_message(f"health, at {finding.images:,} images: {finding}")

    def on_finding_cleared(self, check: str, images: int) -> None:
        """What a check had found is gone."""
        self.on_message(f"health, at {images:,} images: {check} no more")

    def on_rollback(self, back: Rollback) -> None:
        """The run has gone back to a healthy state; no check speaks any more."""
        self.on_message(f"health, at {back.images:,} images: {back}")

    def on_end(self) -> None:
        """Nothing more will be played, for whatever reason."""


class Callbacks(Callback):
    """Several watchers as one."""

    def __init__(self, *watchers: Callback) -> None:
        self.callbacks = watchers

    def on_begin(self, plan: RunPlan) -> None:
        for watcher in self.callbacks:
            watcher.on_begin(plan)

    def on_progress(self, clock: Clock, terms: Mapping[str, float], images_per_second: float) -> None:
        for watcher in self.callbacks:
            watcher.on_progress(clock, terms, images_per_second)

    def on_picture(self, path: Path) -> None:
        for watcher in self.callbacks:
            watcher.on_picture(path)

    def on_checkpoint(self, path: Path) -> None:
        for watcher in self.callbacks:
            watcher.on_checkpoint(path)

    def on_message(self, sentence: str) -> None:
        for watcher in self.callbacks:
            watcher.on_message(sentence)

    def on_measurement(self, measurement: Measurement, best: bool) -> None:
        for watcher in self.callbacks:
            watcher.on_measurement(measurement, best)

    def on_finding(self, finding: Finding) -> None:
        for watcher in self.callbacks:
            watcher.on_finding(finding)

    def on_finding_cleared(self, check: str, images: int) -> None:
        for watcher in self.callbacks:
            watcher.on_finding_cleared(check, images)

    def on_rollback(self, back: Rollback) -> None:
        for watcher in self.callbacks:
            watcher.on_rollback(back)

    def on_end(self) -> None:
        for watcher in self.callbacks:
            watcher.on_end()


class QuietDisplay(Callback):
    """Says what a person should read, on stderr, and nothing else."""

    def on_message(self, sentence: str) -> None:
        print(escape_unprintable(sentence), file=errors(), flush=True)

    def on_measurement(self, measurement: Measurement, best: bool) -> None:
        """Needs no attention."""


def default_callbacks(board: bool, quiet: bool, wandb: str | None = None) -> tuple[Callback, ...]:
    """A live display on a terminal and in a notebook, plain lines elsewhere, warnings alone if `quiet`; TensorBoard if
    asked for, and Weights & Biases under the name of a project."""
    from .display import LineDisplay, LiveDisplay
    from .notebook import NotebookDisplay, in_notebook
    from .tensorboard import TensorBoard  # each drags in what only it needs
    from .wandb import WeightsAndBiases

    display: Callback = (
        QuietDisplay()
        if quiet
        else NotebookDisplay()
        if in_notebook()
        else LiveDisplay()
        if sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        else LineDisplay()
    )
    more = [TensorBoard()] if board else []
    return (display, *more, WeightsAndBiases(wandb)) if wandb else (display, *more)
