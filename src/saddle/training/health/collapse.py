"""What is done about a run that has collapsed: nothing, an end, or going back to when it was healthy."""

from __future__ import annotations

from ...clock import Clock
from ...errors import Failure
from ...runs.findings import Finding, Rollback
from ..machine import all_reduce_max
from ..record import Record
from ..run_checkpoints import RunCheckpoints


class Collapsed(Failure):
    """The run was ended, as asked, by a grave finding."""


class CollapseHandler:
    """Has looks taken when it is time to; all processes do the same, though only the first one looks."""

    def __init__(self, run: RunCheckpoints, on_collapse: str) -> None:
        self.run, self.on_collapse = run, on_collapse

    def examine(self, before: Clock, record: Record) -> str | None:
        """Have a look at the players, and go back if that was asked for; why the run should end, if it should."""
        run = self.run
        if not run.monitor.due(before):
            return None
        record.read()
        leads = self.on_collapse != "go-on"  # then what is seen must not hang on the time of day
        with run.match.whole():
            grave = run.monitor.check() if run.writes and (leads or run.monitor.is_affordable()) else None
        if not leads:
            return None
        ill, well = all_reduce_max(int(grave is not None), int(run.writes and run.monitor.is_healthy()))
        if ill and not self.roll_back(grave.check if grave else ""):
            return self.describe_end(grave)
        if well and run.rollback and run.rollback.due(before):
            run.restore_deleted()
            run.rollback.save()
        return None

    def roll_back(self, check: str) -> bool:
        """Go back to when the run was healthy, if it can; the clock goes on, and with it what is left to chance."""
        run = self.run
        to = run.rollback.roll_back() if run.rollback else None
        if run.rollback is None or to is None:
            return False
        clock = run.match.clock
        if run.snapshots and run.writes:
            run.snapshots.drop_undone()
        if run.log:
            run.log.write(round=clock.round, images=clock.images, **{"rolled back": to})
        run.monitor.reset(Rollback(check, clock.round, clock.images, to, run.rollback.times))
        return True

    def describe_end(self, grave: Finding | None) -> str:
        """Only the first process knows what was found."""
        why = str(grave) if grave else "the run has collapsed"
        return f"{why}; {self.run.rollback.why_not}" if self.run.rollback else why
