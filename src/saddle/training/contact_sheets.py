"""A run's contact sheets: when one is due, and what stands on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..batches import batch_pictures, condition_of, real_samples
from ..data.feed import Feed
from ..data.streams import most_in_batch
from ..runs.folder import RunFolder
from ..runs.pictures import save_png
from ..runs.progress import is_readable_image, write_progress_gif, write_progress_strip
from ..runs.sheets import make_contact_sheet, to_sheet_bytes
from ..runs.text_sheets import write_line_sheet
from ..shape import Shape
from ..texts import from_one_hot
from .callbacks.base import Callback
from .engine import derive_seed
from .machine import process_rank
from .match import Match
from .rows import rows_at_once
from .together import wait_for_first

MAX_SHEET_IMAGES, MAX_SHEET_SIDE = (
    64,
    4096,
)  # images on a contact sheet, and pixels of its side: of the largest images there are fewer
SCATTER_POINTS = 2000  # in a scatter picture


class ContactSheets:
    """Contact sheets up to a match's end, closer together at first; the first process draws them."""

    def __init__(self, match: Match[Any], folder: RunFolder, number: int, watch: Callback) -> None:
        self.match, self.folder, self.watch = match, folder, watch
        self.makes_none = False  # no pictures; only the first process finds that out
        self.due = [round(match.total * (i / number) ** 2) for i in range(number + 1)] if number else []

    def begin(self) -> None:
        """What is drawn before the first round of a run; a resumed one has drawn the earlier ones."""
        clock = self.match.clock
        self.drawn = clock.images if clock.round else -1
        if self.due and not clock.round and process_rank() == 0:  # of data alone
            whole = self.feed_of(self.match.shape)  # also of a run whose first stage is smaller
            real = (batch_pictures(whole.batch_at(places)) for places in self.parts)
            self.save(self.columns(real), self.folder.sheets / "real.png")
        self.draw_due()
        wait_for_first()

    def is_due(self) -> bool:
        """Has the run come past a contact sheet that is due?"""
        return bool(self.due) and self.due[0] <= self.match.clock.images

    def draw_due(self) -> None:
        """A contact sheet, if the run has just come past one that is due."""
        images = self.match.clock.images
        passed = [due for due in self.due if due <= images]
        self.due = self.due[len(passed) :]
        if passed and images > self.drawn:
            with self.match.whole(average=True):
                if process_rank() == 0 and not self.makes_none:
                    self.draw(images)

    def draw(self, images: int) -> None:
        """A contact sheet of the match as it stands."""
        made = self.columns(self.match.show(part, i, len(self.parts)) for i, part in enumerate(self.batches()))
        if not made:
            self.watch.on_message("this run makes no pictures, so no sheets are drawn")
            self.makes_none = True
            return
        real = real_samples(next(iter(self.batches()))) if self.match.shape.points else None
        self.watch.on_picture(self.save(made, self.folder.sheet(images), real))

    def save(self, columns: Mapping[str, Tensor], path: Path, real: Tensor | None = None) -> Path:
        """A sheet, and where it lies: at this path, or of lines of text beside it as a text file."""
        if (text := self.match.shape.text) is not None:
            write_line_sheet(columns, text, path := path.with_suffix(".txt"))
        else:
            save_png(make_contact_sheet(columns, real), path)
        return path

    def batches(self) -> Iterable[Any]:
        """Always the same real samples, and so the same conditions for what is made beside them, part by part."""
        return (self.feed.batch_at(places) for places in self.parts)

    def columns(self, parts: Iterable[Mapping[str, Tensor]]) -> dict[str, Tensor]:
        """What stands on a sheet: of every part no more than its bytes is kept."""
        found: dict[str, list[Tensor]] = {}
        kept = to_sheet_bytes if self.match.shape.text is None else from_one_hot
        for part in parts:
            for name, some in part.items():
                found.setdefault(name, []).append(kept(some))
        return {name: torch.cat(some) for name, some in found.items()}

    @property
    def feed(self) -> Feed[Any]:
        """The real samples, in the size of the stage that is played."""
        return self.feed_of(self.match.stage.data)

    def feed_of(self, size: Shape) -> Feed[Any]:
        match, shape = self.match, self.match.shape
        most = (
            SCATTER_POINTS
            if shape.points
            else min(MAX_SHEET_IMAGES, max(1, MAX_SHEET_SIDE // max(shape.height, shape.width)) ** 2)
        )
        seed, device = derive_seed(match.options.seed, -1), match.machine.device
        return Feed(
            match.data,
            match.batch_type,
            min(most, most_in_batch(match.data, match.batch_type)),
            seed,
            device,
            shape=size,
        )

    @property
    def parts(self) -> list[NDArray[np.int64]]:
        """The places of those samples in equal parts, no larger than what is trained on at once."""
        n, stage = self.feed.batch, self.match.stage
        batch = max(1, stage.batch // self.match.options.accumulate)
        most = n if stage.data.points else rows_at_once(stage.data, self.match.machine.device, batch)
        return np.split(self.order, n // max(rows for rows in range(1, most + 1) if n % rows == 0))

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """The places with those of a class side by side, if there are classes."""
        feed = self.feed
        places = np.arange(feed.batch)
        if not self.match.shape.classes:
            return places
        labels = [condition_of(feed.batch_at(place)) for place in np.split(places, len(places))]
        return np.argsort([int(label) for label in labels if label is not None], kind="stable")

    def finish(self) -> None:
        """All of them one after another, as a strip and as a film."""
        drawn = self.folder.contact_sheets()
        sheets = [path for path in drawn if is_readable_image(path)]
        for path in drawn:
            if path not in sheets:
                self.watch.on_message(f"warning: {path} is damaged, and left out of progress.png and progress.gif")
        if sheets:
            write_progress_strip(sheets, self.folder.progress_strip)
            write_progress_gif(sheets, self.folder.progress_gif)
