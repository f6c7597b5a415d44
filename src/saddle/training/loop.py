"""A run from where it stands to its end: rounds, record, health, measurements, checkpoints, and an orderly stop."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import torch

from ..clock import Clock
from ..errors import Failure, Interrupted, Mistake, quote_for_shell
from ..out_of_memory import catch_out_of_memory
from ..runs.curves import plot_log
from ..runs.findings import Finding, Rollback
from ..runs.folder import RunFolder
from ..runs.log import Log
from ..runs.timing import TimeSpent, continue_timing
from ..stages import count_rounds
from .callbacks.base import Callback, RunPlan
from .checkpoint import Checkpoint, check_state_fits, latest_checkpoint, save_checkpoint
from .checkpoint_pace import GRACE, CheckpointPace
from .contact_sheets import ContactSheets
from .data_waits import describe_waiting
from .evaluator import Evaluator
from .health.checks import NON_FINITE
from .health.monitor import Collapsed, HealthMonitor
from .health.rollback import RollbackStore
from .machine import MissingProcess, all_reduce_max, catch_missing_process, process_rank, world_size
from .match import CheckpointFacts, Match
from .rate_advice import suggest_lower_rates
from .record import NonFinite, Record
from .signals import ForcedStop, Signals, WorkAbandoned
from .snapshots import SnapshotStore
from .together import Votes, own_command, wait_for_first

READ_EVERY = 16  # rounds between two readings of the device
LOGGED_ROUNDS = 20_000  # about so many rounds of a run are logged


class Loop:
    """Plays a match to its end in a run's folder; only the first process writes."""

    def __init__(self, match: Match[Any], folder: RunFolder, identity: CheckpointFacts, *, about: str = "",
                 pictures: int = 8,
                 checkpoints: float = 60.0, grace: float = GRACE, watch: Callback | None = None,
                 measuring: Evaluator | None = None, on_collapse: str = "go-on") -> None:  # fmt: skip
        self.match, self.folder, self.identity = match, folder, identity
        self.about, self.watch, self.evaluator = about, watch or Callback(), measuring
        self.pace = CheckpointPace(checkpoints, grace)
        self.on_collapse, self.monitor = on_collapse, HealthMonitor(match, folder.path, self.watch)
        self.rollback = RollbackStore(match, folder.checkpoints) if on_collapse == "rollback" else None
        self.snapshots = SnapshotStore(match, folder.checkpoints) if match.power_ema else None
        self.again = f"`{own_command()} resume {quote_for_shell(folder)}`"
        self.pictures = ContactSheets(match, folder, pictures, self.watch)
        self.signals, self.writes = Signals(), process_rank() == 0
        self.round_votes, self.turn_votes = Votes(), Votes()
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
            check_state_fits(checkpoint.tensors, self.match.game.state_dict(), where)
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

    def go(self) -> None:
        """Play on, once `restore` has said from where. Interrupted when asked to stop; Failure when the work fails."""
        self.start, self.began = self.match.clock.images, time.monotonic()
        self.read_at = self.began
        self.pace.saved()
        stride = max(1, count_rounds(self.match.stages, self.match.total) // LOGGED_ROUNDS)
        self.record = Record(self.log, stride, self.monitor)
        where = self.match.machine
        title = f"{self.folder.path.name} on {self.match.data.name}{self.about}, {where.device}, {where.why}"
        batch, gauges = self.match.stage.batch, frozenset(self.match.game.logged_scalars())
        self.watch.on_begin(RunPlan(title, self.match.total, self.start, batch, self.folder.path, gauges))
        try:
            lighter = self.match.suggest_smaller_batches()
            with catch_missing_process(), catch_out_of_memory(lighter), self.signals.remember_signals():
                self.rounds()
                self.finish()
            self.close()
        except ForcedStop as end:
            raise Interrupted(128 + end.number, f"ended at once; {self.rescue()}; {self.again} goes on") from None
        except Collapsed:
            raise
        except Failure as failure:
            more = f"{self.again} goes on from there" if isinstance(failure, MissingProcess) else ""
            more = suggest_lower_rates(self.match.recipe) if isinstance(failure, NonFinite) else more
            raise type(failure)("; ".join(filter(None, [str(failure), self.rescue(), more]))) from failure
        finally:
            self.watch.on_end()
            with suppress(Failure):  # what went wrong first is what is said
                self.close()

    def close(self) -> None:
        self.match.close()
        for log in (self.log, self.timing, self.monitor):
            if log:
                log.close()

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
                raise Interrupted(128 + self.signals.number, f"{left}; {self.rescue()}; {self.again} goes on") from None
            except NonFinite as fault:
                if not self.went_back(NON_FINITE.name):
                    raise NonFinite(f"{fault}; {self.rollback.why_not}" if self.rollback else str(fault)) from fault
                ended = self.measure() or self.match.over

    def turn(self) -> bool:
        """Play a round, and do all that is due after it; has the run ended?"""
        clock, report = self.match.play(self.between)
        self.record.add(clock, report)
        if self.snapshots and self.snapshots.due(clock):
            self.record.read()  # of what is no number there should be no average
            self.mend()
            self.snapshots.save({"identity": self.identity})
        if self.pictures.is_due():
            self.mend()
            self.pictures.draw_due()
            wait_for_first()
        self.examine(clock)
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
            self.mend()
            now = time.monotonic()
            with suppress(WorkAbandoned), self.signals.abandonable():
                self.evaluator.evaluate(self.match, self.before.seconds + now - self.began, {"identity": self.identity})
            wait_for_first()
            over, stop = all_reduce_max(int(self.evaluator.over), self.signals.number)
            self.evaluator.over = bool(over)
            self.began += time.monotonic() - now
            if stop:
                self.stop(stop)
        return self.evaluator.over

    def examine(self, before: Clock) -> None:
        """Have a look at the players if it is time to, and do what was asked for if they have collapsed."""
        if not self.monitor.due(before):
            return
        self.record.read()
        leads = self.on_collapse != "go-on"  # then what is seen must not hang on the time of day
        grave = self.monitor.check() if self.writes and (leads or self.monitor.is_affordable()) else None
        if not leads:
            return
        ill, well = all_reduce_max(int(grave is not None), int(self.writes and self.monitor.is_healthy()))
        if ill and not self.went_back(grave.check if grave else ""):
            self.give_up(grave)
        if well and self.rollback and self.rollback.due(before):
            self.mend()
            self.rollback.save()

    def went_back(self, check: str) -> bool:
        """Go back to when the run was healthy, if it can; the clock goes on, and with it what is left to chance."""
        to = self.rollback.roll_back() if self.rollback else None
        if self.rollback is None or to is None:
            return False
        clock = self.match.clock
        if self.snapshots and self.writes:
            self.snapshots.drop_undone()
        if self.log:
            self.log.write(round=clock.round, images=clock.images, **{"rolled back": to})
        self.monitor.reset(Rollback(check, clock.round, clock.images, to, self.rollback.times))
        return True

    def give_up(self, grave: Finding | None) -> None:
        """Save and end the run; only the first process knows what was found."""
        self.checkpoint()
        why = str(grave) if grave else "the run has collapsed"
        why += f"; {self.rollback.why_not}" if self.rollback else ""
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
        self.time(now)

    def time(self, now: float) -> None:
        """Write down how long the training took so far."""
        if self.timing:
            seconds, waited = self.before.seconds + now - self.began, self.before.waited + self.match.waited
            told = {"waited": round(waited, 3)} if waited >= 0.001 else {}
            self.timing.write(images=self.match.clock.images, seconds=round(seconds, 3), **told)

    def checkpoint(self) -> None:
        self.record.read()
        began = time.monotonic()
        if self.writes:
            assert self.log is not None and self.timing is not None
            self.mend()
            self.time(time.monotonic())
            self.timing.sync()  # before what says that so much was played
            tensors, facts = self.match.state()
            facts |= {"log": self.log.sync(), "identity": self.identity, "health": self.monitor.state()}
            facts |= {"measured": self.evaluator.state()} if self.evaluator else {}
            facts |= {"healthy": self.rollback.state()} if self.rollback else {}
            self.watch.on_checkpoint(save_checkpoint(self.folder.checkpoints, tensors, facts))
            if self.rollback:
                self.rollback.tidy()
            for sentence in self.pace.weigh(time.monotonic() - began):
                self.watch.on_message(sentence)
        wait_for_first()
        self.pace.saved()

    def mend(self) -> None:
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

    def stop(self, number: int) -> None:
        self.checkpoint()
        done = f"stopped at {self.match.clock.images} of {self.match.total} images and saved"
        raise Interrupted(128 + number, f"{done}; {self.again} goes on exactly here")

    def finish(self) -> None:
        """The end of the run: everything that is read back or looked at later."""
        self.read()
        self.checkpoint()
        if self.writes:
            assert self.log is not None
            self.log.sync()
            plot_log(self.folder.log, self.folder.curves)
            if self.evaluator:
                self.evaluator.finish()
            self.pictures.finish()
            if waiting := describe_waiting(self.match.data, self.match.waited, self.seconds_played):
                self.watch.on_message(waiting)

    def rescue(self) -> str:
        """What is left after a failure."""
        last = latest_checkpoint(self.folder.checkpoints)
        return f"the last good checkpoint is {last}" if last else "it had not come to its first checkpoint"
