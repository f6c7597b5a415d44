"""A run's contact sheets: when one is due, and what stands on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data.feed import Feed
from ..runs.folder import Folder
from ..runs.progress import whole
from ..runs.sheets import animate, painted, save, sheet, strip
from .engine import mix
from .machine import rank
from .match import Match
from .rows import rows_at_once
from .watch import Watcher

SHOWN, SIDE = 64, 4096  # images on a contact sheet, and pixels of its side: of the largest images there are fewer
POINTS = 2000  # in a scatter picture


class Pictures:
    """Contact sheets up to a match's end, closer together at first; the first process draws them."""

    def __init__(self, match: Match[Any], folder: Folder, number: int, watch: Watcher) -> None:
        self.match, self.folder, self.watch = match, folder, watch
        self.due = [round(match.total * (i / number) ** 2) for i in range(number + 1)] if number else []

    def begin(self) -> None:
        """What is drawn before the first round of a run; a resumed one has drawn the earlier ones."""
        clock = self.match.clock
        self.drawn = clock.images if clock.round else -1
        if self.due and not clock.round and rank() == 0:
            save(sheet(self.columns({"real": part.image} for part in self.batches())), self.folder.sheets / "real.png")
        self.take()

    def waiting(self) -> bool:
        """Has the run come past a contact sheet that is due?"""
        return bool(self.due) and self.due[0] <= self.match.clock.images

    def take(self) -> None:
        """A contact sheet, if the run has just come past one that is due."""
        images = self.match.clock.images
        passed = [due for due in self.due if due <= images]
        self.due = self.due[len(passed) :]
        if passed and rank() == 0 and images > self.drawn:
            path = self.folder.sheet(images)
            made = (self.match.show(part, i, len(self.parts)) for i, part in enumerate(self.batches()))
            points = self.match.data.shape.points
            save(sheet(self.columns(made), next(iter(self.batches())).image if points else None), path)
            self.watch.pictured(path)

    def batches(self) -> Iterable[Any]:
        """Always the same real samples, and so the same conditions for what is made beside them, part by part."""
        return (self.feed.at(places) for places in self.parts)

    def columns(self, parts: Iterable[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """What stands on a sheet: of every part no more than its bytes is kept."""
        found: dict[str, list[Tensor]] = {}
        for part in parts:
            for name, some in part.items():
                found.setdefault(name, []).append(painted(some))
        return {name: torch.cat(some) for name, some in found.items()}

    @property
    def feed(self) -> Feed:
        """The real samples, in the size of the stage that is played."""
        match, shape = self.match, self.match.data.shape
        most = POINTS if shape.points else min(SHOWN, max(1, SIDE // max(shape.height, shape.width)) ** 2)
        seed, device = mix(match.how.seed, -1), match.machine.device
        return Feed(match.data, min(most, len(match.data)), seed, device, shape=match.stage.data)

    @property
    def parts(self) -> list[NDArray[np.int64]]:
        """The places of those samples in equal parts, no larger than what is trained on at once."""
        n, stage = self.feed.batch, self.match.stage
        batch = max(1, stage.batch // self.match.how.accumulate)
        most = n if stage.data.points else rows_at_once(stage.data, self.match.machine.device, batch)
        return np.split(self.order, n // max(rows for rows in range(1, most + 1) if n % rows == 0))

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """The places with those of a class side by side, if there are classes."""
        feed = self.feed
        places = np.arange(feed.batch)
        if not self.match.data.shape.classes:
            return places
        labels = [feed.at(place).condition for place in np.split(places, len(places))]
        return np.argsort([int(label) for label in labels if label is not None], kind="stable")

    def finish(self) -> None:
        """All of them one after another, as a strip and as a film."""
        drawn = self.folder.drawn()
        sheets = [path for path in drawn if whole(path)]
        for path in drawn:
            if path not in sheets:
                self.watch.said(f"warning: {path} is damaged, and left out of progress.png and progress.gif")
        if sheets:
            strip(sheets, self.folder.strip)
            animate(sheets, self.folder.film)
