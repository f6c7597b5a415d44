"""States in which a run was healthy, to go back to when it is so no more."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from ...clock import Clock
from ...errors import Mistake, require
from ...runs.log import is_count
from ..checkpoint import check_state_fits, list_checkpoints, read_checkpoint, read_checkpoint_facts, write_checkpoint
from ..machine import process_rank
from ..match import CheckpointFacts, Match
from .checks import HEALTH_PATIENCE
from .monitor import has_passed_multiple, probe_interval

MAX_STATES = 32  # states at most that are kept over a run, one after another
MAX_ROLLBACKS = 3  # times that a run goes back


class RollbackStore:
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

    def restore(self, facts: CheckpointFacts | None) -> None:
        """Stand where a checkpoint was taken; None: at the beginning."""
        if facts:
            states = facts["sure"], facts["fresh"]
            sound = all(state is None or is_count(state) for state in states) and is_count(facts["times"])
            require(sound, f"its healthy states are {facts}, which are no images of a run")
            (self.sure, self.fresh), self.times = states, facts["times"]

    def state(self) -> CheckpointFacts:
        return {"sure": self.sure, "fresh": self.fresh, "times": self.times}

    def due(self, before: Clock) -> bool:
        """Has the round that began at `before` come past a multiple of so many looks?"""
        look = probe_interval(self.match)
        looks = max(HEALTH_PATIENCE, -(-self.match.total // (MAX_STATES * look)))
        return has_passed_multiple(looks * look, before, self.match.clock)

    def save(self) -> None:
        """The run is healthy: keep it as it stands, and trust in the state that was kept before."""
        if self.fresh is not None:
            self.sure = self.fresh
        self.fresh = self.match.clock.images
        state = self.match.state()
        if process_rank() == 0:
            write_checkpoint(self.path(self.fresh), *state)
            self.tidy()

    def roll_back(self) -> int | None:
        """Go back to the sure state and return its images; None without one of this stage, or after too many times."""
        if self.sure is None or self.times == MAX_ROLLBACKS or self.match.stage_at(self.sure) is not self.match.stage:
            return None
        try:
            kept = read_checkpoint(self.path(self.sure))
            check_state_fits(kept.tensors, self.match.game_state(), self.path(self.sure))
        except Mistake:  # it was deleted, or damaged, while the run played
            return None
        self.match.revert(*kept)
        self.fresh, self.times = None, self.times + 1
        return self.sure

    @property
    def why_not(self) -> str:
        """Why the run does not go back."""
        if self.times == MAX_ROLLBACKS:
            return f"it went back {MAX_ROLLBACKS} times before"
        earlier = self.sure is not None and self.match.stage_at(self.sure) is not self.match.stage
        return f"no healthy state{' of this stage' if earlier else ''} was kept to go back to"

    def tidy(self) -> None:
        """Throw away the states that neither this run nor a checkpoint that it may be resumed from can go back to."""
        known: list[object] = [self.sure, self.fresh]
        for path in list_checkpoints(self.folder):
            with suppress(Mistake):  # nothing goes on from a damaged one
                other = read_checkpoint_facts(path).get("healthy")
                known += [other.get(name) for name in ("sure", "fresh")] if isinstance(other, dict) else []
        kept = {self.path(images) for images in known if isinstance(images, int)}
        for path in set(self.folder.glob("healthy-*.safetensors")) - kept:
            if path.stem.removeprefix("healthy-").isdecimal() and (path.is_symlink() or not path.is_dir()):
                path.unlink(missing_ok=True)

    def path(self, images: int) -> Path:
        return self.folder / f"healthy-{images:012d}.safetensors"
