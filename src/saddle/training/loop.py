"""A run from where it stands to its end: rounds, record, health, measurements, checkpoints, and an orderly stop."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

from ..clock import Clock
from ..errors import Failure, Interrupted, quote_for_shell
from ..out_of_memory import catch_out_of_memory
from ..runs.curves import plot_log
from ..runs.folder import RunFolder
from ..stages import count_rounds
from .callbacks.base import Callback, RunPlan
from .checkpoint import Checkpoint
from .checkpoint_pace import GRACE, CheckpointPace
from .contact_sheets import ContactSheets
from .data_waits import describe_waiting
from .evaluator import Evaluator
from .health.checks import NON_FINITE
from .health.collapse import Collapsed, CollapseHandler
from .health.monitor import HealthMonitor
from .health.rollback import RollbackStore
from .machine import MissingProcess, all_reduce_max, catch_missing_process, process_rank, world_size
from .match import CheckpointFacts, Match
from .rate_advice import suggest_lower_rates
from .record import NonFinite, Record
from .run_checkpoints import RunCheckpoints
from .signals import ForcedStop, Signals, WorkAbandoned
from .snapshots import SnapshotStore
from .together import Votes, own_command, wait_for_first

READ_EVERY = 16  # rounds between two readings of the device
LOGGED_ROUNDS = 20_000  # about so many rounds of a run are logged


class Loop:
    """Plays a match to its end in a run's folder; only the first process writes."""

    def __init__(self, match: Match[Any], folder: RunFolder, identity: CheckpointFacts, *, title: str = "",
                 pictures: int = 8,
                 checkpoints: float = 60.0, grace: float = GRACE, watch: Callback | None = None,
                 measuring: Evaluator | None = None, on_collapse: str = "go-on") -> None:  # fmt: skip
        self.match, self.folder, self.identity = match, folder, identity
        self.title, self.watch, self.evaluator = title, watch or Callback(), measuring
        self.pace = CheckpointPace(checkpoints, grace)
        self.monitor = HealthMonitor(match, folder.path, self.watch)
        self.rollback = RollbackStore(match, folder.checkpoints) if on_collapse == "rollback" else None
        self.snapshots = SnapshotStore(match, folder.checkpoints) if match.power_ema else None
        self.saved = RunCheckpoints(match, folder, identity, self.watch, monitor=self.monitor, evaluator=measuring,
                                    rollback=self.rollback, snapshots=self.snapshots)  # fmt: skip
        self.collapse = CollapseHandler(self.saved, on_collapse)
        self.again = f"`{own_command()} resume {quote_for_shell(folder)}`"
        self.pictures = ContactSheets(match, folder, pictures, self.watch)
        self.signals, self.writes = Signals(), process_rank() == 0
        self.round_votes, self.turn_votes = Votes(), Votes()

    def restore(self, checkpoint: Checkpoint | None) -> None:
        """Stand where a checkpoint was taken, or at the beginning."""
        self.saved.restore(checkpoint)

    def go(self) -> None:
        """Play on, once `restore` has said from where. Interrupted when asked to stop; Failure when the work fails."""
        self.start, self.began = self.match.clock.images, time.monotonic()
        self.read_at = self.began
        self.pace.saved()
        stride = max(1, count_rounds(self.match.stages, self.match.total) // LOGGED_ROUNDS)
        self.record = Record(self.saved.log, stride, self.monitor)
        where = self.match.machine
        title = f"{self.title}, {where.device}, {where.why}"
        batch, gauges = self.match.stage.batch, frozenset(self.match.game.logged_scalars())
        self.watch.on_begin(RunPlan(title, self.match.total, self.start, batch, self.folder.path, gauges))
        try:
            lighter = self.match.suggest_smaller_batches()
            with catch_missing_process(), catch_out_of_memory(lighter), self.signals.remember_signals():
                self.rounds()
                self.finish()
            self.close()
        except ForcedStop as end:
            raise self.interrupted(end.number, "ended at once") from None
        except Collapsed:
            raise
        except Failure as failure:
            more = f"{self.again} goes on from there" if isinstance(failure, MissingProcess) else ""
            more = suggest_lower_rates(self.match.recipe) if isinstance(failure, NonFinite) else more
            raise type(failure)("; ".join(filter(None, [str(failure), self.saved.describe_last(), more]))) from failure
        finally:
            self.watch.on_end()
            with suppress(Failure):  # what went wrong first is what is said
                self.close()

    def close(self) -> None:
        self.saved.close()

    @property
    def seconds_played(self) -> float:
        """Since it was begun or resumed, without what measuring took."""
        return time.monotonic() - self.began

    def rounds(self) -> None:
        self.pictures.begin()
        ended = self.measure() or self.match.over
        while not ended:
            try:
                ended = self.turn()
            except WorkAbandoned:
                left = "a round that is long was left, and is not saved"
                raise self.interrupted(self.signals.number, left) from None
            except NonFinite as fault:
                if not self.collapse.roll_back(NON_FINITE.name):
                    raise NonFinite(f"{fault}; {self.rollback.why_not}" if self.rollback else str(fault)) from fault
                ended = self.measure() or self.match.over

    def turn(self) -> bool:
        """Play a round, and do all that is due after it; has the run ended?"""
        clock, report = self.match.play(self.between)
        self.record.add(clock, report)
        if self.snapshots and self.snapshots.due(clock):
            self.record.read()  # of what is no number there should be no average
            self.saved.restore_deleted()
            self.snapshots.save({"identity": self.identity})
        if self.pictures.is_due():
            self.saved.restore_deleted()
            self.pictures.draw_due()
            wait_for_first()
        if why := self.collapse.examine(clock, self.record):
            self.give_up(why)
        ended = self.measure() or self.match.over
        if ended:
            self.record.read()  # of what is no number the run should know while it can still go back
        voting = self.round_votes.due() and not self.rollback  # which hangs on when it is read, not on the time of day
        if reading := self.turn_to_read(clock):
            self.read()
        if reading or voting:
            stop, save = self.round_votes.hold(self.signals.number, int(reading and self.writes and self.pace.due()))
            if stop:
                self.stop(stop)
            if save:
                self.checkpoint()
        return ended

    def between(self) -> None:
        """Before every turn: leave a round that will not end for long, once the run was asked to stop.

        All processes leave it before the same turn. Nothing of it is saved, so the run goes on from before it.
        """
        if not self.turn_votes.due() and world_size() > 1:
            return
        if self.turn_votes.hold(int(self.signals.waiting > self.pace.patience))[0]:
            self.signals.number = all_reduce_max(self.signals.number)[0]
            raise WorkAbandoned

    def measure(self) -> bool:
        """Measure, which is no training, if it is time to; should the run end, as nothing gets better?

        Asked to stop, it leaves the measurement, which is then taken when the run goes on.
        """
        if self.evaluator is None:
            return False
        if self.evaluator.due(self.match):
            self.read()
            self.saved.restore_deleted()
            now, better = time.monotonic(), False
            with self.match.whole(average=True), suppress(WorkAbandoned), self.signals.abandonable():
                better = self.evaluator.evaluate(self.match, self.saved.before.seconds + now - self.began)
            wait_for_first()
            over, best, stop = all_reduce_max(int(self.evaluator.over), int(better), self.signals.number)
            self.evaluator.over = bool(over)
            if best:
                self.evaluator.keep(self.match, {"identity": self.identity})
            self.began += time.monotonic() - now
            if stop:
                self.stop(stop)
        return self.evaluator.over

    def give_up(self, why: str) -> None:
        """Save and end the run, whose players have collapsed."""
        self.checkpoint()
        done = f"stopped at {self.match.clock.images} of {self.match.total} images and saved"
        raise Collapsed(f"{why}; {done}; `saddle resume {quote_for_shell(self.folder)}` goes on all the same")

    def turn_to_read(self, clock: Clock) -> bool:
        """Every so many rounds, which all processes count alike; also whenever a second has passed, where that is free.

        It is not with several processes, nor where what is read may lead back, which must not hang on the time of day.
        """
        if clock.round % READ_EVERY == READ_EVERY - 1:
            return True
        if world_size() > 1 or self.rollback:
            return False
        return self.signals.number != 0 or time.monotonic() - self.read_at > 1

    def read(self) -> None:
        terms, now = self.record.read(), time.monotonic()
        speed = (self.match.clock.images - self.start) / max(now - self.began, 1e-9)
        self.read_at = now
        self.watch.on_progress(self.match.clock, terms, speed)
        self.saved.write_timing(now - self.began)

    def checkpoint(self) -> None:
        self.record.read()
        began, state = time.monotonic(), self.match.state()
        if self.writes:
            self.saved.restore_deleted()
            self.saved.save(self.seconds_played, state)
            for sentence in self.pace.weigh(time.monotonic() - began):
                self.watch.on_message(sentence)
        wait_for_first()
        self.pace.saved()

    def stop(self, number: int) -> None:
        self.checkpoint()
        done = f"stopped at {self.match.clock.images} of {self.match.total} images and saved"
        raise Interrupted(128 + number, f"{done}; {self.again} goes on exactly here")

    def interrupted(self, number: int, what: str) -> Interrupted:
        """What a signal of this number has made of the run, where nothing more was saved."""
        return Interrupted(128 + number, f"{what}; {self.saved.describe_last()}; {self.again} goes on")

    def finish(self) -> None:
        """The end of the run: everything that is read back or looked at later."""
        self.read()
        self.checkpoint()
        if self.writes:
            assert self.saved.log is not None
            self.saved.log.sync()
            plot_log(self.folder.log, self.folder.curves)
            if self.evaluator:
                self.evaluator.finish()
            self.pictures.finish()
            if self.folder.remote:
                self.folder.remote.publish(self.folder.path)
            if waiting := describe_waiting(self.match.data, self.match.waited, self.seconds_played):
                self.watch.on_message(waiting)
