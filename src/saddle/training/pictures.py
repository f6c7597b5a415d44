"""A run's contact sheets: when one is due, and what stands on it."""

from __future__ import annotations

from typing import Any

from ..batches import by_class
from ..data.feed import Feed
from ..runs.folder import Folder
from ..runs.sheets import animate, save, sheet, strip
from .engine import mix
from .machine import rank
from .match import Match
from .watch import Watcher

SHOWN = 64  # images on a contact sheet
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
            save(sheet({"real": self.batch().image}), self.folder.sheets / "real.png")
        self.take()

    def take(self) -> None:
        """A contact sheet, if the run has just come past one that is due."""
        images = self.match.clock.images
        passed = [due for due in self.due if due <= images]
        self.due = self.due[len(passed) :]
        if passed and rank() == 0 and images > self.drawn:
            path = self.folder.sheet(images)
            batch = self.batch()
            save(sheet(self.match.show(batch), batch.image), path)
            self.watch.pictured(path)

    def batch(self) -> Any:
        """Always the same real samples, and so the same conditions for what is made beside them."""
        n = min(POINTS if self.match.data.shape.points else SHOWN, len(self.match.data))
        seed, device = mix(self.match.how.seed, -1), self.match.machine.device
        return by_class(next(Feed(self.match.data, n, seed, device, shape=self.match.stage.data)))

    def finish(self) -> None:
        """All of them one after another, as a strip and as a film."""
        if sheets := sorted(self.folder.sheets.glob("[0-9]*.png")):
            strip(sheets, self.folder.strip)
            animate(sheets, self.folder.film)
