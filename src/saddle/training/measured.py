"""Measuring while a match is played: when it is due, which checkpoint was best, and when nothing gets better."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..core import Clock, Mistake
from ..metrics.figures import Figure, written
from ..runs.folder import Folder
from ..runs.measures import Measurement, Stop, add_measure, keep_lines, measures, parsed, read_measures, whole_lines
from ..runs.quality import quality, series
from .checkpoint import best_path, facts_of, put
from .machine import rank
from .match import Facts, Match
from .watch import Watcher

Gauge = Callable[[Match[Any]], Sequence[Figure]]  # changes nothing of the match


class Measuring:
    """Measures every so many images, at the beginning and at the end; the first process does, the others wait."""

    def __init__(self, folder: Folder, gauge: Gauge | None, every: int, patience: int | None = None,
                 watch: Watcher | None = None) -> None:  # fmt: skip
        self.folder, self.gauge, self.every, self.patience = folder, gauge, every, patience
        self.watch = watch or Watcher()
        self.last = -1  # images at which it was measured last
        self.best, self.bound, self.since = math.inf, math.inf, 0  # as `worth` counts, the lower the better
        self.over = False  # has nothing got better for too long?
        self.before: list[Measurement] = []  # what was measured when the run was taken up

    def restore(self, clock: Clock, facts: Facts | None) -> None:
        """Stand where a checkpoint was taken; None: at the beginning. What was measured later is measured again.

        So is what was measured just there, by one that went on from here and was killed: it is written down once.
        """
        self.last = -1 if facts is None else facts.get("last", clock.images)  # always then, in the first versions
        if facts is not None:
            self.best, self.bound, self.since = float(facts["best"]), float(facts["bound"]), facts["since"]
            self.over = self.patience is not None and self.since >= self.patience
        if rank() == 0:
            self.before = forget(measures(self.folder), clock.images if facts is not None else -1)

    def state(self) -> Facts:
        return {"last": self.last, "best": written(self.best), "bound": written(self.bound), "since": self.since}

    def due(self, match: Match[Any]) -> bool:
        due = (self.last // self.every + 1) * self.every
        return match.clock.images >= due or (match.over and match.clock.images > self.last)

    def take(self, match: Match[Any], seconds: float, facts: Facts) -> None:
        """Measure; keep a checkpoint with these facts if none was better. A Mistake stops a run only at its start."""
        clock = match.clock
        if self.gauge is None:
            self.last = clock.images
            return
        try:
            figures = tuple(self.gauge(match))
        except Mistake as mistake:
            if clock.images == 0:
                raise
            self.last = clock.images
            self.watch.said(f"warning: at {clock.images:,} images: {mistake}")
            return
        self.last = clock.images
        better = self.judge(figures[0])
        stop = self.stop(clock.images if better else None) if self.over and not match.over else None
        measurement = Measurement(clock.images, clock.round, round(seconds, 3), figures, stop)
        if not any(m.images == clock.images and m.figures == figures for m in self.before):
            add_measure(self.folder, measurement)
        if better:
            tensors, own = match.state()
            put(best_path(self.folder.checkpoints), tensors, own | facts | {"measured": self.state()})
        self.watch.measured(measurement, better and clock.images > 0)

    def judge(self, figure: Figure) -> bool:
        """Is it the best so far? Patience ends only with one outside of the last such one's interval."""
        value, reach = worth(figure)
        if value < self.bound:
            self.bound, self.since = reach, 0
        else:
            self.since += 1
        self.over = self.patience is not None and self.since >= self.patience
        better = value < self.best
        self.best = min(value, self.best)
        return better

    def stop(self, best: int | None) -> Stop:
        """Why the run ends now; its best measurement is this one, after so many images, or the one that was kept."""
        path = best_path(self.folder.checkpoints)
        kept = facts_of(path)["clock"]["images"] if best is None and path.exists() else best
        return Stop(self.since, kept)

    def finish(self) -> None:
        """Say why the run ended early, if it did, and draw the curves, where two measurements make one."""
        if self.gauge is None:
            return
        taken = read_measures(self.folder)
        why = next((measurement.stop for measurement in taken if measurement.stop), None)
        if why:
            self.watch.said(f"the run has ended early: {why}")
        if series(taken):
            quality(self.folder)


def worth(figure: Figure) -> tuple[float, float]:
    """The value so that lower is better, and that end of its interval which another must come below."""
    if figure.better == "higher":
        return -figure.value, -(figure.value if figure.high is None else figure.high)
    return figure.value, figure.value if figure.low is None else figure.low


def forget(path: Path, images: int) -> list[Measurement]:
    """Drop what was measured after so many images, and a line that was cut, whole or not at all; what is left."""
    lines, torn = whole_lines(path)
    all_ = [parsed(line, f"line {i} of {path}") for i, line in enumerate(lines, 1)]
    kept = [line for line, taken in zip(lines, all_, strict=True) if taken.images <= images]
    if torn or len(kept) < len(lines):
        keep_lines(path, kept)
    return [taken for taken in all_ if taken.images <= images]
