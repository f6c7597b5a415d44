"""States in which a run was healthy, to go back to when it is so no more."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from ..core import Clock, Mistake, require
from ..runs.log import count
from .checkpoint import facts_of, put, read, refuse_misfit, saved
from .health import PATIENCE
from .machine import rank
from .match import Facts, Match
from .nurse import every, passed

KEEPS = 32  # states at most that are kept over a run, one after another
MOST = 3  # times that a run goes back


class Healthy:
    """Two states of a match, each a file beside its checkpoints.

    The one to go back to is `sure`: a later look found the run healthy still, and kept the `fresh` one. Both are known
    by their images. When one is kept hangs on the images shown alone, never on a clock on the wall, so that a run which
    goes back repeats itself. All processes do the same; the first one writes.
    """

    def __init__(self, match: Match[Any], folder: Path) -> None:
        self.match, self.folder = match, folder
        self.sure: int | None = None
        self.fresh: int | None = None
        self.times = 0  # that the run has gone back

    def open(self, facts: Facts | None) -> None:
        """Stand where a checkpoint was taken; None: at the beginning."""
        if facts:
            states = facts["sure"], facts["fresh"]
            sound = all(state is None or count(state) for state in states) and count(facts["times"])
            require(sound, f"its healthy states are {facts}, which are no images of a run")
            (self.sure, self.fresh), self.times = states, facts["times"]

    def state(self) -> Facts:
        return {"sure": self.sure, "fresh": self.fresh, "times": self.times}

    def due(self, before: Clock) -> bool:
        """Has the round that began at `before` come past a multiple of so many looks?"""
        look = every(self.match)
        looks = max(PATIENCE, -(-self.match.total // (KEEPS * look)))
        return passed(looks * look, before, self.match.clock)

    def keep(self) -> None:
        """The run is healthy: keep it as it stands, and trust in the state that was kept before."""
        if self.fresh is not None:
            self.sure = self.fresh
        self.fresh = self.match.clock.images
        if rank() == 0:
            put(self.path(self.fresh), *self.match.state())
            self.tidy()

    def back(self) -> int | None:
        """Go back to the sure state and return its images; None without one of this stage, or after too many times."""
        if self.sure is None or self.times == MOST or self.match.stage_at(self.sure) is not self.match.stage:
            return None
        try:
            kept = read(self.path(self.sure))
            refuse_misfit(kept.tensors, self.match.game.state_dict(), self.path(self.sure))
        except Mistake:  # it was deleted, or damaged, while the run played
            return None
        self.match.revert(*kept)
        self.fresh, self.times = None, self.times + 1
        return self.sure

    @property
    def why_not(self) -> str:
        """Why the run does not go back."""
        return f"it went back {MOST} times before" if self.times == MOST else "no healthy state was kept to go back to"

    def tidy(self) -> None:
        """Throw away the states that neither this run nor a checkpoint that it may be resumed from can go back to."""
        known: list[object] = [self.sure, self.fresh]
        for path in saved(self.folder):
            with suppress(Mistake):  # nothing goes on from a damaged one
                other = facts_of(path).get("healthy")
                known += [other.get(name) for name in ("sure", "fresh")] if isinstance(other, dict) else []
        kept = {self.path(images) for images in known if isinstance(images, int)}
        for path in set(self.folder.glob("healthy-*.safetensors")) - kept:
            if path.stem.removeprefix("healthy-").isdecimal() and (path.is_symlink() or not path.is_dir()):
                path.unlink(missing_ok=True)

    def path(self, images: int) -> Path:
        return self.folder / f"healthy-{images:012d}.safetensors"
