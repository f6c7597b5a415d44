"""What a loaded run can be asked over HTTP, why not the rest, and in what passes each is worked out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..capabilities import Generates
from ..errors import Mistake, require
from ..inference.anomaly import AnomalyScore
from ..inference.loaded import LoadedGame
from ..inference.passes import Passes, Row, Work, fitting_passes, sampling, scoring, translating
from ..inference.translating import source_shape
from ..latent.space import LatentSpace
from ..recipes.capable import lacking
from ..shape import Shape

TASKS = ("samples", "translate", "complete", "score")


class Abilities:
    """`offers` names what a run can do, `refusals` says why it cannot do the rest; `passes` are those of each offer
    whose rows may share one. All is tried as this is made; Mistake for a run that can do nothing of it.
    """

    def __init__(self, loaded: LoadedGame, rows: int | None = None) -> None:
        self.loaded, self.how = loaded, AnomalyScore()
        self.passes: dict[str, Passes] = {}
        self.refusals: dict[str, str] = {}
        for task in TASKS:
            try:
                self.find_out(task, rows)
            except Mistake as why:
                self.refusals[task] = str(why)
        self.offers = tuple(task for task in TASKS if task not in self.refusals)
        require(bool(self.offers), f"this run can do nothing that is served; {'; '.join(self.refusals.values())}")

    def find_out(self, task: str, rows: int | None) -> None:
        """Can the run do it, and in what passes? Mistake where it cannot."""
        loaded = self.loaded
        pictures = not loaded.shape.points and loaded.shape.text is None
        if task == "complete":
            LatentSpace(loaded)
            return
        if task == "samples":
            self.check_generates()
        else:
            require(pictures, f"this run was trained on {loaded.shape}, and not on pictures")
        empty = None if task == "samples" else torch.zeros(*self.pictures_of(task)[:3])
        like = Row(0, 0, empty, self.usual(task))
        self.passes[task] = fitting_passes(loaded, self.work_of(task), like, rows)

    def check_generates(self) -> None:
        loaded = self.loaded
        if not isinstance(loaded.game, Generates):
            raise lacking(type(loaded.game), Generates)
        require(loaded.makes_by_chance, f"this run makes its samples for {loaded.shape.condition}, not out of chance")
        _ = loaded.is_conditional  # known from now on, to all threads

    def usual(self, task: str) -> Tensor | None:
        """What a row is for, where it must be for something."""
        if task == "translate":
            return None
        if task == "samples":
            drawn = self.loaded.draw_labels(0, 0)
            return None if drawn is None else drawn[0]
        return torch.tensor(0) if self.loaded.shape.classes else None

    def work_of(self, task: str, style: Mapping[str, Any] = {}) -> Work:
        if task == "samples":
            return sampling(self.loaded, **style)
        return translating(self.loaded, style) if task == "translate" else scoring(self.loaded, self.how)

    def pictures_of(self, task: str, back: bool = False) -> Shape:
        """The shape of the pictures that are sent for it."""
        return source_shape(self.loaded, back) if task == "translate" else self.loaded.shape

    def rows_of(self, task: str, form: tuple[int, ...] | None) -> int:
        """Rows of a pass; pictures of other sizes than the run's are translated one by one."""
        return self.passes[task].rows if form in (None, tuple(self.pictures_of(task)[:3])) else 1
