"""A run in a process of its own: begun or gone on with, ended early if the sweep says so, and how it ended."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from ..errors import Failure, Interrupted, Mistake, require
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from ..runs.measures import Measurement
from ..sessions import resume, train
from ..training.callbacks.base import Callback, Callbacks, RunPlan, default_callbacks
from ..training.signals import end_with_parent, stop_on_signal
from ..uncompiled import leave_compiler_out
from .plan import Trial

DONE, PRUNED = "done", "pruned"


class IntermediateResult(NamedTuple):
    """What a run has measured, and waits to hear of whether to go on."""

    images: int
    value: float  # of the first figure that is asked for
    last: bool  # is it at its end?


class TrialReporter(Callback):
    """Tells a sweep of each figure; where that sees no use in going on, the run stops as it does on a signal, saved.

    The run waits for the answer, so it stops after the very round in which the figure was measured.
    """

    def __init__(self, answer: Connection) -> None:
        self.answer, self.total, self.pruned = answer, 0, False

    def on_begin(self, plan: RunPlan) -> None:
        self.total = plan.images

    def on_measurement(self, measurement: Measurement, best: bool) -> None:
        if measurement.images == 0:  # before any training there is nothing to judge
            return
        reading = IntermediateResult(measurement.images, measurement.figures[0].value, measurement.images >= self.total)
        try:
            self.answer.send(reading)
            self.pruned = not self.answer.recv()
        except (EOFError, OSError):  # unheard, the figure is to be taken again: nothing is saved that stands after it
            raise Interrupted(128 + signal.SIGTERM, "the sweep was killed") from None
        if self.pruned:
            signal.raise_signal(signal.SIGTERM)


def run_trial(
    recipe: str, trial: Trial, place: str, alone: bool, asks: bool, answer: Connection, gpu: str | None = None
) -> None:
    """Train a trial and answer how it ended, in one sentence; `asks`: whether to go on, at each figure.

    `gpu` is the only one that it sees, so that its manifest says cuda:0, which is there wherever it goes on.
    """
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # read when the first GPU is asked for
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C goes to the sweep, which asks its runs itself
    end_with_parent()
    leave_compiler_out()
    line = TrialReporter(answer)
    try:
        with stop_on_signal():
            play(recipe, trial, place, alone, line, asks)
        send_end(answer, DONE, "")
    except Failure as failure:
        send_end(answer, Mistake.__name__ if failure.code == 2 else Failure.__name__, str(failure))
    except Mistake as mistake:
        send_end(answer, Mistake.__name__, str(mistake))
    except Interrupted as end:
        send_end(answer, PRUNED if line.pruned else Interrupted.__name__, str(end))
    except KeyboardInterrupt:
        send_end(answer, Interrupted.__name__, "interrupted")
    except Exception as error:
        send_end(answer, "", f"{type(error).__name__}: {error}")
        raise


def play(recipe: str, trial: Trial, place: str, alone: bool, line: TrialReporter, asks: bool) -> None:
    board, quiet = (bool(trial.settings.get(name)) for name in ("board", "quiet"))
    linked = os.path.islink(place)
    require(not linked, f"{place} is a link, and a sweep plays in no folder out of it; put the run itself there")
    shown = default_callbacks(
        board, quiet or not alone, trial.settings.get("wandb")
    )  # the displays of several would overwrite each other
    watch = Callbacks(*shown, line) if asks else Callbacks(*shown)
    if (Path(place) / "manifest.json").exists():
        found = Manifest.read(RunFolder.find(place)).name
        require(found == recipe, f"{place} holds a run of {found}, not of {recipe}")
        resume(place, watch=watch)
    else:
        remove_empty_folders(Path(place))
        train(recipe, out=place, options=trial.options, watch=watch, **trial.settings)


def send_end(answer: Connection, end: str, sentence: str) -> None:
    with suppress(OSError):  # the sweep was killed
        answer.send((end, sentence))


def remove_empty_folders(place: Path) -> None:
    """Take away the empty folders of a run that was killed before its manifest was written."""
    for path in (place / "sheets", place / "checkpoints", place):
        with suppress(OSError):  # whatever is in it stays, and is refused as a place for a run
            path.rmdir()
