"""A run from where it stands to its end: rounds, record, health, measurements, checkpoints, and an orderly stop."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import torch

from ..core import Clock
from ..errors import Failure, Interrupted, Mistake, quoted
from ..memory import enough
from ..runs.curves import curves
from ..runs.findings import Finding, Rollback
from ..runs.folder import Folder
from ..runs.log import Log
from ..runs.timing import go_on
from .checkpoint import Checkpoint, latest, refuse_misfit
from .checkpoint import save as save_checkpoint
from .health import NO_NUMBER
from .healthy import Healthy
from .lighter import smaller_parts
from .machine import Missing, agreed, missing, processes, rank
from .match import Facts, Match
from .measured import Measuring
from .nurse import Collapsed, Nurse
from .pictures import Pictures
from .record import NoNumber, Record
from .signals import Abandoned, Ended, Signals
from .watch import Plan, Watcher

READ = 16  # rounds between two readings of the device
PATIENCE = 10.0  # seconds that a round has to end in, once the run was asked to stop
ALIKE = 64  # turns of one round after which several processes ask one another whether it is to be left
LINES = 20_000  # about so many rounds of a run are logged


class Loop:
    """Plays a match to its end in a run's folder; only the first process writes."""

    def __init__(self, match: Match[Any], folder: Folder, identity: Facts, *, about: str = "", pictures: int = 8,
                 checkpoints: float = 60.0, watch: Watcher | None = None,
                 measuring: Measuring | None = None, on_collapse: str = "go-on") -> None:  # fmt: skip
        self.match, self.folder, self.identity = match, folder, identity
        self.about, self.seconds, self.watch, self.measuring = about, checkpoints, watch or Watcher(), measuring
        self.on_collapse, self.nurse = on_collapse, Nurse(match, folder.path, self.watch)
        self.healthy = Healthy(match, folder.checkpoints) if on_collapse == "rollback" else None
        self.pictures = Pictures(match, folder, pictures, self.watch)
        self.signals, self.writes, self.turns = Signals(), rank() == 0, 0
        self.log: Log | None = None
        self.timing: Log | None = None
        self.before = 0.0  # seconds of training, until it goes on

    def restore(self, checkpoint: Checkpoint | None) -> None:
        """Stand where a checkpoint was taken, or at the beginning; what was written later is worth nothing."""
        if self.writes:
            self.folder.tidy()
            self.folder.keep()
        facts = checkpoint.facts if checkpoint else {}
        where = latest(self.folder.checkpoints)
        if checkpoint:
            refuse_misfit(checkpoint.tensors, self.match.game.state_dict(), where)
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

    def take_up(self, checkpoint: Checkpoint | None, facts: Facts) -> None:
        """Raises whatever comes of facts that are those of no run: whoever takes one up notices first."""
        if checkpoint:
            self.match.restore(checkpoint.tensors, facts)
        if self.writes:
            self.log = Log(self.folder.log, facts.get("log", 0), self.warn)
            self.timing, self.before = go_on(self.folder.timing, self.match.clock.images, self.warn)
        self.nurse.open(facts.get("health"))
        if self.healthy:
            self.healthy.open(facts.get("healthy"))
        if self.measuring:
            self.measuring.restore(self.match.clock, facts.get("measured"))

    def go(self) -> None:
        """Play on, once `restore` has said from where. Interrupted when asked to stop; Failure when the work fails."""
        self.start, self.began = self.match.clock.images, time.monotonic()
        self.read_at = self.saved_at = self.began
        stride = max(1, self.match.total // (self.match.stages[0].batch * LINES))
        self.record = Record(self.log, stride, self.nurse)
        where = self.match.machine
        title = f"{self.folder.path.name} on {self.match.data.name}{self.about}, {where.device}, {where.why}"
        batch, gauges = self.match.stage.batch, frozenset(self.match.game.gauges())
        self.watch.begin(Plan(title, self.match.total, self.start, batch, self.folder.path, gauges))
        try:
            lighter = smaller_parts(self.match.recipe, self.match.data.shape, self.match.how.accumulate)
            with missing(), enough(lighter), self.signals.heeded():
                self.rounds()
                self.finish()
            self.close()
        except Ended as end:
            raise Interrupted(128 + end.number, f"ended at once; {self.rescue()}; {self.again} goes on") from None
        except Collapsed:
            raise
        except Failure as failure:
            more = f"; {self.again} goes on from there" if isinstance(failure, Missing) else ""
            raise type(failure)(f"{failure}; {self.rescue()}{more}") from failure
        finally:
            self.watch.end()
            with suppress(Failure):  # what went wrong first is what is said
                self.close()

    def close(self) -> None:
        for log in (self.log, self.timing, self.nurse):
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
            except Abandoned:
                left = "a round that is long was left, and is not saved"
                raise Interrupted(128 + self.signals.number, f"{left}; {self.rescue()}; {self.again} goes on") from None
            except NoNumber as fault:
                if not self.went_back(NO_NUMBER.name):
                    raise NoNumber(f"{fault}; {self.healthy.why_not}" if self.healthy else str(fault)) from fault
                ended = self.measure() or self.match.over

    def turn(self) -> bool:
        """Play a round, and do all that is due after it; has the run ended?"""
        self.turns = 0
        clock, report = self.match.play(self.between)
        self.record.add(clock, report)
        if self.pictures.waiting():
            self.mend()
            self.pictures.take()
        self.examine(clock)
        ended = self.measure() or self.match.over
        if ended:
            self.record.read()  # of what is no number the run should know while it can still go back
        if self.turn_to_read(clock):
            self.read()
            stop, save = agreed(self.signals.number, int(time.monotonic() - self.saved_at > self.seconds))
            if stop:
                self.stop(stop)
            if save:
                self.checkpoint()
        return ended

    def between(self) -> None:
        """Before every turn: leave a round that will not end for long, once the run was asked to stop.

        All processes leave it before the same turn. Nothing of it is saved, so the run goes on from before it.
        """
        self.turns += 1
        if processes() > 1 and self.turns % ALIKE:
            return
        if agreed(int(self.signals.waiting > PATIENCE))[0]:
            self.signals.number = agreed(self.signals.number)[0]
            raise Abandoned

    def measure(self) -> bool:
        """Measure, which is no training, if it is time to; should the run end, as nothing gets better?

        Asked to stop, it leaves the measurement, which is then taken when the run goes on.
        """
        if self.measuring is None:
            return False
        if self.measuring.due(self.match):
            self.read()
            self.mend()
            now = time.monotonic()
            with suppress(Abandoned), self.signals.abandonable():
                self.measuring.take(self.match, self.before + now - self.began, {"identity": self.identity})
            over, stop = agreed(int(self.measuring.over), self.signals.number)
            self.measuring.over = bool(over)
            self.began += time.monotonic() - now
            if stop:
                self.stop(stop)
        return self.measuring.over

    def examine(self, before: Clock) -> None:
        """Have a look at the players if it is time to, and do what was asked for if they have collapsed."""
        if not self.nurse.due(before):
            return
        self.record.read()
        grave = self.nurse.look() if self.writes else None
        if self.on_collapse == "go-on":
            return
        ill, well = agreed(int(grave is not None), int(self.writes and self.nurse.well()))
        if ill and not self.went_back(grave.check if grave else ""):
            self.give_up(grave)
        if well and self.healthy and self.healthy.due(before):
            self.mend()
            self.healthy.keep()

    def went_back(self, check: str) -> bool:
        """Go back to when the run was healthy, if it can; the clock goes on, and with it what is left to chance."""
        to = self.healthy.back() if self.healthy else None
        if self.healthy is None or to is None:
            return False
        clock = self.match.clock
        if self.log:
            self.log.write(round=clock.round, images=clock.images, **{"rolled back": to})
        self.nurse.forget(Rollback(check, clock.round, clock.images, to, self.healthy.times))
        return True

    def give_up(self, grave: Finding | None) -> None:
        """Save and end the run; only the first process knows what was found."""
        self.checkpoint()
        why = str(grave) if grave else "the run has collapsed"
        why += f"; {self.healthy.why_not}" if self.healthy else ""
        done = f"stopped at {self.match.clock.images} of {self.match.total} images and saved"
        raise Collapsed(f"{why}; {done}; `saddle resume {quoted(self.folder)}` goes on all the same")

    def turn_to_read(self, clock: Clock) -> bool:
        """Every so many rounds, which all processes count alike; also whenever a second has passed, where that is free.

        It is not with several processes, nor where what is read may lead back, which must not hang on the time of day.
        """
        if clock.round % READ == READ - 1:
            return True
        if processes() > 1 or self.healthy:
            return False
        return self.signals.number != 0 or time.monotonic() - self.read_at > 1

    def read(self) -> None:
        terms, now = self.record.read(), time.monotonic()
        speed = (self.match.clock.images - self.start) / max(now - self.began, 1e-9)
        self.read_at = now
        self.watch.played(self.match.clock, terms, speed)
        self.time(now)

    def time(self, now: float) -> None:
        """Write down how long the training took so far."""
        if self.timing:
            self.timing.write(images=self.match.clock.images, seconds=round(self.before + now - self.began, 3))

    def checkpoint(self) -> None:
        self.record.read()
        if self.writes:
            assert self.log is not None and self.timing is not None
            self.mend()
            self.time(time.monotonic())
            self.timing.settle()  # before what says that so much was played
            tensors, facts = self.match.state()
            facts |= {"log": self.log.settle(), "identity": self.identity, "health": self.nurse.state()}
            facts |= {"measured": self.measuring.state()} if self.measuring else {}
            facts |= {"healthy": self.healthy.state()} if self.healthy else {}
            self.watch.saved(save_checkpoint(self.folder.checkpoints, tensors, facts))
            if self.healthy:
                self.healthy.tidy()
        self.saved_at = time.monotonic()

    def mend(self) -> None:
        """Put back what somebody deleted of the run, and say so."""
        if not self.writes:
            return
        for sentence in self.folder.mended():
            self.warn(sentence)
        for log in (self.log, self.timing, self.nurse.log):
            for sentence in log.mended() if log else []:
                self.warn(sentence)

    def warn(self, sentence: str) -> None:
        self.watch.said(f"warning: {sentence}")

    def stop(self, number: int) -> None:
        self.checkpoint()
        done = f"stopped at {self.match.clock.images} of {self.match.total} images and saved"
        raise Interrupted(128 + number, f"{done}; {self.again} goes on exactly here")

    @property
    def again(self) -> str:
        """The command that goes on."""
        start = "saddle" if processes() == 1 else f"torchrun --nproc-per-node {processes()} -m saddle"
        return f"`{start} resume {quoted(self.folder)}`"

    def finish(self) -> None:
        """The end of the run: everything that is read back or looked at later."""
        self.read()
        self.checkpoint()
        if self.writes:
            assert self.log is not None
            self.log.settle()
            curves(self.folder.log, self.folder.curves)
            if self.measuring:
                self.measuring.finish()
            self.pictures.finish()

    def rescue(self) -> str:
        """What is left after a failure."""
        last = latest(self.folder.checkpoints)
        return f"the last good checkpoint is {last}" if last else "it had not come to its first checkpoint"
