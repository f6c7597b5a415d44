"""A run from where it stands to its end: rounds, record, contact sheets, checkpoints, and an orderly stop."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from ..batches import by_class
from ..core import Clock
from ..data.feed import Feed
from ..errors import Failure, Interrupted
from ..runs.curves import curves
from ..runs.folder import Folder
from ..runs.log import Log
from ..runs.quality import trained
from ..runs.sheets import animate, save, sheet, strip
from .checkpoint import latest, read_latest
from .checkpoint import save as save_checkpoint
from .engine import mix
from .machine import agreed, processes, rank
from .match import Facts, Match
from .measured import Measuring
from .nurse import Collapsed, Nurse
from .record import Record
from .watch import Plan, Watcher

READ = 16  # rounds between two readings of the device
LINES = 20_000  # about so many rounds of a run are logged
SHOWN = 64  # images on a contact sheet
POINTS = 2000  # in a scatter picture


class Loop:
    """Plays a match to its end in a run's folder; only the first process writes."""

    def __init__(self, match: Match[Any], folder: Folder, identity: Facts, *, about: str = "", pictures: int = 8,
                 checkpoints: float = 60.0, watch: Watcher | None = None,
                 measuring: Measuring | None = None, on_collapse: str = "go-on") -> None:  # fmt: skip
        self.match, self.folder, self.identity = match, folder, identity
        self.about, self.seconds, self.watch, self.measuring = about, checkpoints, watch or Watcher(), measuring
        self.on_collapse, self.nurse = on_collapse, Nurse(match, folder.path, self.watch)
        self.writes = rank() == 0
        self.due = [round(match.total * (i / pictures) ** 2) for i in range(pictures + 1)] if pictures else []
        self.asked = 0  # the signal that wants the run to stop

    def go(self) -> None:
        """Go on from the last checkpoint, or begin. Interrupted when asked to stop; Failure when the work fails."""
        if self.writes:
            self.folder.tidy()
        size = self.restore()
        self.start, self.began = self.match.clock.images, time.monotonic()
        self.before = trained(self.folder, self.start) if self.measuring and self.writes else 0.0
        self.read_at = self.saved_at = self.began
        stride = max(1, self.match.total // (self.match.stages[0].batch * LINES))
        self.log = Log(self.folder.log, size) if self.writes else None
        self.timing = Log(self.folder.timing, None) if self.writes else None
        self.record = Record(self.log, stride, self.nurse)
        where = self.match.machine
        title = f"{self.folder.path.name} on {self.match.data.name}{self.about}, {where.device}, {where.why}"
        self.watch.begin(Plan(title, self.match.total, self.start, self.match.stage.batch, self.folder.path))
        try:
            with self.signals():
                self.rounds()
                self.finish()
            self.close()
        except Collapsed:
            raise
        except Failure as failure:
            raise type(failure)(f"{failure}; {self.rescue()}") from failure
        finally:
            self.watch.end()
            with suppress(Failure):  # what went wrong first is what is said
                self.close()

    def close(self) -> None:
        for log in (self.log, self.timing, self.nurse):
            if log:
                log.close()

    def restore(self) -> int:
        """Stand where the last checkpoint was taken; returns the log's size then, in bytes."""
        checkpoint = read_latest(self.folder.checkpoints)
        if checkpoint:
            self.match.restore(checkpoint.tensors, checkpoint.facts)
        self.nurse.open(checkpoint and checkpoint.facts.get("health"))
        if self.measuring:
            self.measuring.restore(self.match.clock, checkpoint and checkpoint.facts["measured"])
        if checkpoint is None:
            return 0
        return int(checkpoint.facts["log"])

    def rounds(self) -> None:
        if self.match.clock.round == 0:
            self.picture_reals()
        self.picture(begin=self.match.clock.round == 0)
        ended = self.match.over or self.measure()
        while not ended:
            clock, report = self.match.play()
            self.record.add(clock, report)
            self.picture()
            self.examine()
            ended = self.measure() or self.match.over
            if self.turn_to_read(clock):
                self.read()
                stop, save = agreed(self.asked, int(time.monotonic() - self.saved_at > self.seconds))
                if stop:
                    self.stop(stop)
                if save:
                    self.checkpoint()

    def measure(self) -> bool:
        """Measure, which is no training, if it is time to; should the run end, as nothing gets better?"""
        if self.measuring is None:
            return False
        if self.measuring.due(self.match):
            self.read()
            now = time.monotonic()
            self.measuring.take(self.match, self.before + now - self.began, {"identity": self.identity})
            self.measuring.over = bool(agreed(int(self.measuring.over))[0])
            self.began += time.monotonic() - now
        return self.measuring.over

    def examine(self) -> None:
        """Have a look at the players if it is time to; the run ends if they have collapsed and that was asked for."""
        if not self.nurse.due():
            return
        self.record.read()
        grave = self.nurse.look() if self.writes else None
        if self.on_collapse == "stop" and agreed(int(grave is not None))[0]:
            self.checkpoint()
            done = f"stopped at {self.match.clock.images} of {self.match.total} images and saved"
            why = str(grave) if grave else "the run has collapsed"  # the first process knows how
            raise Collapsed(f"{why}; {done}; `saddle resume {self.folder}` goes on all the same")

    def turn_to_read(self, clock: Clock) -> bool:
        """Every so many rounds, which all processes count alike; alone, also whenever a second has passed."""
        if clock.round % READ == READ - 1:
            return True
        return processes() == 1 and (self.asked != 0 or time.monotonic() - self.read_at > 1)

    def read(self) -> None:
        terms, now = self.record.read(), time.monotonic()
        speed = (self.match.clock.images - self.start) / max(now - self.began, 1e-9)
        self.read_at = now
        self.watch.played(self.match.clock, terms, speed)
        if self.timing:
            self.timing.write(images=self.match.clock.images, seconds=round(now - self.began, 3))

    def checkpoint(self) -> None:
        self.record.read()
        if self.writes:
            assert self.log is not None
            tensors, facts = self.match.state()
            facts |= {"log": self.log.settle(), "identity": self.identity, "health": self.nurse.state()}
            facts |= {"measured": self.measuring.state()} if self.measuring else {}
            self.watch.saved(save_checkpoint(self.folder.checkpoints, tensors, facts))
        self.saved_at = time.monotonic()

    def stop(self, number: int) -> None:
        self.checkpoint()
        done = f"stopped at {self.match.clock.images} of {self.match.total} images and saved"
        again = "saddle" if processes() == 1 else f"torchrun --nproc-per-node {processes()} -m saddle"
        raise Interrupted(128 + number, f"{done}; `{again} resume {self.folder}` goes on exactly here")

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
            if sheets := sorted(self.folder.sheets.glob("[0-9]*.png")):
                strip(sheets, self.folder.strip)
                animate(sheets, self.folder.film)

    def rescue(self) -> str:
        """What is left after a failure."""
        last = latest(self.folder.checkpoints)
        return f"the last good checkpoint is {last}" if last else "it had not come to its first checkpoint"

    def picture(self, begin: bool = False) -> None:
        """A contact sheet, if the run has just come past one that is due."""
        images = self.match.clock.images
        passed = [due for due in self.due if due <= images]
        if not passed:
            return
        self.due = self.due[len(passed) :]
        if self.writes and (begin or images > self.start):  # a resumed run has drawn the earlier ones
            path = self.folder.sheet(images)
            batch = self.batch()
            save(sheet(self.match.show(batch), batch.image), path)
            self.watch.pictured(path)

    def picture_reals(self) -> None:
        if self.writes and self.due:
            save(sheet({"real": self.batch().image}), self.folder.sheets / "real.png")

    def batch(self) -> Any:
        """Always the same real samples, and so the same conditions for what is made beside them."""
        n = min(POINTS if self.match.data.shape.points else SHOWN, len(self.match.data))
        seed, device = mix(self.match.how.seed, -1), self.match.machine.device
        return by_class(next(Feed(self.match.data, n, seed, device, shape=self.match.stage.data)))

    @contextmanager
    def signals(self) -> Iterator[None]:
        """The first SIGINT or SIGTERM lets the round end in here; a second one is not waited for."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(number: int, frame: FrameType | None) -> None:
            self.asked = number
            signal.signal(number, before[signal.Signals(number)])

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
