"""Measuring while a match is played: when it is due, which checkpoint was best, and when nothing gets better."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..clock import Clock
from ..errors import Mistake
from ..metrics.figures import Figure, json_number
from ..recipe import Stage
from ..runs.folder import RunFolder
from ..runs.measures import (
    EarlyStop,
    Measurement,
    append_measurement,
    measures_path,
    parse_measurement,
    read_measurements,
    read_whole_lines,
    write_lines,
)
from ..runs.quality import group_measurements, plot_quality
from ..shape import Shape
from ..stages import full_size_from, stage_index
from .callbacks.base import Callback
from .checkpoint import best_checkpoint_path, read_checkpoint_facts, write_checkpoint
from .machine import process_rank
from .match import CheckpointFacts, Match

EvaluateFunction = Callable[[Match[Any]], Sequence[Figure]]  # changes nothing of the match


class Evaluator:
    """Measures every so many images, at the beginning and the end; the first process does, the others help and wait."""

    def __init__(self, folder: RunFolder, gauge: EvaluateFunction | None, every: int, patience: int | None = None,
                 watch: Callback | None = None) -> None:  # fmt: skip
        self.folder, self.measure_figures, self.every, self.patience = folder, gauge, every, patience
        self.watch = watch or Callback()
        self.last = -1  # images at which it was measured last
        self.best, self.bound, self.since = math.inf, math.inf, 0  # as `ranking_key` counts, the lower the better
        self.over = False  # has nothing got better for too long?
        self.before: list[Measurement] = []  # what was measured when the run was taken up

    def restore(self, clock: Clock, facts: CheckpointFacts | None) -> None:
        """Stand where a checkpoint was taken; None: at the beginning. What was measured later is measured again.

        So is what was measured just there, by one that went on from here and was killed: it is written down once.
        """
        self.last = -1 if facts is None else facts.get("last", clock.images)  # always then, in the first versions
        if facts is not None:
            self.best, self.bound, self.since = float(facts["best"]), float(facts["bound"]), facts["since"]
            self.over = self.patience is not None and self.since >= self.patience
        if process_rank() == 0:
            self.before = drop_later_measures(measures_path(self.folder), clock.images if facts is not None else -1)

    def state(self) -> CheckpointFacts:
        return {
            "last": self.last,
            "best": json_number(self.best),
            "bound": json_number(self.bound),
            "since": self.since,
        }

    def due(self, match: Match[Any]) -> bool:
        """Figures of a smaller stage's samples, which compare with no others, are not taken."""
        if match.stage.data != match.shape:
            return False
        due = (self.last // self.every + 1) * self.every
        return match.clock.images >= due or (match.over and match.clock.images > self.last)

    def evaluate(self, match: Match[Any], seconds: float) -> bool:
        """Measure; was nothing better, which only the first process knows? A Mistake stops a run only at its start."""
        clock = match.clock
        if self.measure_figures is None or process_rank():
            with suppress(Mistake):  # which the first process has as well, and says
                if self.measure_figures:
                    self.measure_figures(match)  # its share of the samples
            self.last = clock.images
            return False
        try:
            figures = tuple(self.measure_figures(match))
        except Mistake as mistake:
            if clock.images == 0:
                raise
            self.last = clock.images
            self.watch.on_message(f"warning: at {clock.images:,} images: {mistake}")
            return False
        self.last = clock.images
        better = self.update_best(figures[0])
        stop = self.stop(clock.images if better else None) if self.over and not match.over else None
        measurement = Measurement(clock.images, clock.round, round(seconds, 3), figures, stop)
        if not any(m.images == clock.images and m.figures == figures for m in self.before):
            append_measurement(self.folder, measurement)
        self.watch.on_measurement(measurement, better and clock.images > 0)
        return better

    def keep(self, match: Match[Any], facts: CheckpointFacts) -> None:
        """A checkpoint with these facts, as none was better; all processes take part, and the first one writes."""
        tensors, own = match.state()
        if process_rank() == 0:
            path = best_checkpoint_path(self.folder.checkpoints)
            write_checkpoint(path, tensors, own | facts | {"measured": self.state()})

    def update_best(self, figure: Figure) -> bool:
        """Is it the best so far? Patience ends only with one outside of the last such one's interval."""
        value, reach = ranking_key(figure)
        if value < self.bound:
            self.bound, self.since = reach, 0
        else:
            self.since += 1
        self.over = self.patience is not None and self.since >= self.patience
        better = value < self.best
        self.best = min(value, self.best)
        return better

    def stop(self, best: int | None) -> EarlyStop:
        """Why the run ends now; its best measurement is this one, after so many images, or the one that was kept."""
        path = best_checkpoint_path(self.folder.checkpoints)
        kept = read_checkpoint_facts(path)["clock"]["images"] if best is None and path.exists() else best
        return EarlyStop(self.since, kept)

    def finish(self) -> None:
        """Say why the run ended early, if it did, and draw the curves, where two measurements make one."""
        if self.measure_figures is None or process_rank():
            return
        taken = read_measurements(self.folder)
        why = next((measurement.stop for measurement in taken if measurement.stop), None)
        if why:
            self.watch.on_message(f"the run has ended early: {why}")
        if group_measurements(taken):
            plot_quality(self.folder)


def describe_wait(stages: Sequence[Stage], data: Shape, images: int) -> str:
    """From when on a run of stages is measured; '' if from its beginning. Mistake for one that never is."""
    first = full_size_from(stages, data, images)
    if first is None:
        end = stages[stage_index(stages, images)].data
        raise Mistake(f"figures are taken of samples of {data}, and a run of {images:,} images does not come to them: "
                      f"it ends at {end}; make it longer, or leave --measure out")  # fmt: skip
    smaller = "until then its samples are smaller, and their figures would compare with no others"
    return f"figures are taken from {first:,} images on, at {data}: {smaller}" if first else ""


def describe_samples(samples: int, least: int, images: int, every: int) -> str:
    """A sentence on figures that take more samples than the run shows images, with fewer that do; '' of any others.

    `least`: samples that the metrics need. It is measured at the beginning, too.
    """
    count = images // every + 1
    fewer = max(least, images // count)
    if count * samples <= images or fewer >= samples:
        return ""
    return (f"{count} measurements of {samples:,} samples each make more than the {images:,} images that the run "
            f"shows; --samples {fewer} makes fewer, --every {max(images // 2, 1)} measures more seldom")  # fmt: skip


def ranking_key(figure: Figure) -> tuple[float, float]:
    """The value so that lower is better, and that end of its interval which another must come below."""
    if figure.better == "higher":
        return -figure.value, -(figure.value if figure.high is None else figure.high)
    return figure.value, figure.value if figure.low is None else figure.low


def drop_later_measures(path: Path, images: int) -> list[Measurement]:
    """Drop what was measured after so many images, and a line that was cut, whole or not at all; what is left."""
    lines, torn = read_whole_lines(path)
    all_ = [parse_measurement(line, f"line {i} of {path}") for i, line in enumerate(lines, 1)]
    kept = [line for line, taken in zip(lines, all_, strict=True) if taken.images <= images]
    if torn or len(kept) < len(lines):
        write_lines(path, kept)
    return [taken for taken in all_ if taken.images <= images]
