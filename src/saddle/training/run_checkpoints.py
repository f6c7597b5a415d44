"""What of a run is saved, taken up again and put back: its checkpoints, and the logs that go on with them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..errors import Failure, Mistake, WriteFailure
from ..runs.folder import RunFolder
from ..runs.log import Log
from ..runs.timing import TimeSpent, continue_timing
from .callbacks.base import Callback
from .checkpoint import Checkpoint, check_state_fits, latest_checkpoint, save_checkpoint
from .evaluator import Evaluator
from .health.monitor import HealthMonitor
from .health.rollback import RollbackStore
from .machine import process_rank
from .match import CheckpointFacts, Match
from .snapshots import SnapshotStore


class RunCheckpoints:
    """All whose state a run's checkpoints hold, and the files that are written beside them by the first process."""

    def __init__(self, match: Match[Any], folder: RunFolder, identity: CheckpointFacts, watch: Callback, *,
                 monitor: HealthMonitor, evaluator: Evaluator | None, rollback: RollbackStore | None,
                 snapshots: SnapshotStore | None) -> None:  # fmt: skip
        self.match, self.folder, self.identity, self.watch = match, folder, identity, watch
        self.monitor, self.evaluator, self.rollback, self.snapshots = monitor, evaluator, rollback, snapshots
        self.writes = process_rank() == 0
        self.log: Log | None = None
        self.timing: Log | None = None
        self.before = TimeSpent(0.0)  # until it goes on

    def restore(self, checkpoint: Checkpoint | None) -> None:
        """Stand where a checkpoint was taken, or at the beginning; what was written later is worth nothing."""
        if self.writes:
            self.folder.tidy()
            self.folder.remember_contents()
        facts = checkpoint.facts if checkpoint else {}
        where = latest_checkpoint(self.folder.checkpoints)
        if checkpoint:
            check_state_fits(checkpoint.tensors, self.match.game_state(), where)
        try:
            self.take_up(checkpoint, facts)
        except (Mistake, Failure, torch.OutOfMemoryError):
            self.close()
            raise
        except (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError) as error:
            self.close()
            if checkpoint is None:
                raise
            raise Mistake(f"{where} does not fit its run: {type(error).__name__} {error}") from error

    def take_up(self, checkpoint: Checkpoint | None, facts: CheckpointFacts) -> None:
        """Raises whatever comes of facts that are those of no run: whoever takes one up notices first."""
        if checkpoint:
            self.match.restore(checkpoint.tensors, facts)
        else:
            self.match.prepare()
        if self.writes:
            self.log = Log(self.folder.log, facts.get("log", 0), self.warn)
            self.timing, self.before = continue_timing(self.folder.timing, self.match.clock.images, self.warn)
        self.monitor.restore(facts.get("health"))
        if self.rollback:
            self.rollback.restore(facts.get("healthy"))
        if self.snapshots and self.writes:
            self.snapshots.restore()
        if self.evaluator:
            self.evaluator.restore(self.match.clock, facts.get("measured"))

    def save(self, played: float, state: tuple[dict[str, Tensor], CheckpointFacts]) -> None:
        """A checkpoint of the match's state, so many seconds after the run was begun or resumed."""
        assert self.log is not None and self.timing is not None, "only the first process writes"
        self.write_timing(played)
        self.timing.sync()  # before what says that so much was played
        tensors, facts = state
        facts |= {"log": self.log.sync(), "identity": self.identity, "health": self.monitor.state()}
        facts |= {"measured": self.evaluator.state()} if self.evaluator else {}
        facts |= {"healthy": self.rollback.state()} if self.rollback else {}
        self.watch.on_checkpoint(save_checkpoint(self.folder.checkpoints, tensors, facts))
        if self.rollback:
            self.rollback.tidy()
        self.publish()

    def publish(self) -> None:
        """Upload a run that lies at a URL; where that fails the next checkpoint tries again, and the end insists."""
        try:
            if self.folder.remote:
                self.folder.remote.publish(self.folder.path)
        except WriteFailure as failure:
            self.warn(f"{failure}; the next checkpoint tries again")

    def write_timing(self, played: float) -> None:
        """Write down how long the training took so far."""
        if self.timing:
            seconds, waited = self.before.seconds + played, self.before.waited + self.match.waited
            told = {"waited": round(waited, 3)} if waited >= 0.001 else {}
            self.timing.write(images=self.match.clock.images, seconds=round(seconds, 3), **told)

    def restore_deleted(self) -> None:
        """Put back what somebody deleted of the run, and say so."""
        if not self.writes:
            return
        for sentence in self.folder.restore_deleted():
            self.warn(sentence)
        for log in (self.log, self.timing, self.monitor.log):
            for sentence in log.restore_deleted() if log else []:
                self.warn(sentence)

    def warn(self, sentence: str) -> None:
        self.watch.on_message(f"warning: {sentence}")

    def describe_last(self) -> str:
        """What is left after a failure."""
        last = latest_checkpoint(self.folder.checkpoints)
        return f"the last good checkpoint is {last}" if last else "it had not come to its first checkpoint"

    def close(self) -> None:
        self.match.close()
        for log in (self.log, self.timing, self.monitor):
            if log:
                log.close()
