"""Keeps an eye on a run: looks at it now and then, remembers, and tells what the checks find."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from ..core import Clock
from ..errors import Failure
from ..runs.findings import Finding, Rollback, file
from ..runs.log import Log
from .health import NO_NUMBER, WINDOW, Change, Reading, changes, grave
from .look import Looker, Sight, size, visible
from .machine import rank
from .match import Facts, Match
from .watch import Watcher

EVERY = 64  # looks' worth of samples trained on between two looks: a look then costs about half a per cent
KEPT = 128  # readings that are remembered


class Collapsed(Failure):
    """The run was ended, as asked, by a grave finding."""


def every(match: Match[Any]) -> int:
    """Images between two looks."""
    return EVERY * size(match.stage.batch)


def passed(images: int, before: Clock, now: Clock) -> bool:
    """Has the run come past a multiple of so many images between two moments?"""
    return now.images // images > before.images // images


class Nurse:
    """The first process looks, writes and tells; the others only know when it is time to."""

    def __init__(self, match: Match[Any], folder: Path, watch: Watcher) -> None:
        self.match, self.folder, self.watch = match, folder, watch
        self.looker: Looker | None = None
        self.past: list[Reading] = []
        self.speaking: list[str] = []  # checks whose finding has not cleared
        self.gradients: dict[str, list[float]] = {}  # since the last reading
        self.log: Log | None = None

    def open(self, facts: Facts | None) -> None:
        """Stand where a checkpoint was taken; None: at the beginning, or before there were checks."""
        if facts:
            self.past = [
                Reading(r, i, norms, seen and Sight(*seen), *rest) for r, i, norms, seen, *rest in facts["past"]
            ]
            self.speaking, self.gradients = facts["speaking"], facts["gradients"]
        self.log = Log(file(self.folder), facts["log"] if facts else 0, self.warn) if rank() == 0 else None

    def warn(self, sentence: str) -> None:
        self.watch.said(f"warning: {sentence}")

    def state(self) -> Facts:
        assert self.log is not None
        past = [[r, i, norms, seen and list(seen), dict(gauges)] for r, i, norms, seen, gauges in self.past]
        return {"past": past, "speaking": self.speaking, "gradients": self.gradients, "log": self.log.settle()}

    def close(self) -> None:
        if self.log:
            self.log.close()

    def hear(self, clock: Clock, terms: Mapping[str, float]) -> None:
        """A round's report."""
        if self.log is None:
            return
        for key, value in terms.items():
            player, _, term = key.rpartition("/")
            if term == "gradient":
                self.gradients.setdefault(player, []).append(value)

    def due(self, before: Clock) -> bool:
        """Has the round that began at `before` come past a look?"""
        return passed(every(self.match), before, self.match.clock)

    def look(self) -> Finding | None:
        """Look, and tell what has changed; returns what is grave in it."""
        clock, gauges = self.match.clock, {name: float(value) for name, value in self.match.game.gauges().items()}
        reading = Reading(clock.round, clock.images, self.medians(), self.sight(), gauges)
        self.past = [*self.past, reading][-KEPT:]
        told = [self.tell(clock, change) for change in changes(self.past, self.speaking)]
        return next((finding for finding in told if finding and finding.grave), None)

    def well(self) -> bool:
        """Has enough been seen to tell a collapse, and was nothing grave in the last look, or told and not cleared?"""
        if len(self.past) < WINDOW or (self.past[-1].sight is None and visible(self.match.game)):
            return False
        return not grave(self.past, self.speaking)

    def forget(self, back: Rollback) -> None:
        """The players are what they were: what was seen since says nothing of them. Write and tell it."""
        self.past, self.speaking, self.gradients = [], [], {}
        if self.log:
            facts = back._asdict()
            self.log.write(rolled_back=facts.pop("check"), **facts)
        self.watch.returned(back)

    def medians(self) -> dict[str, float]:
        found = {player: median(norms) for player, norms in self.gradients.items()}
        self.gradients = {}
        return found

    def sight(self) -> Sight | None:
        if not visible(self.match.game):
            return None
        if self.looker is None or self.looker.stage is not self.match.stage:
            self.looker = Looker(self.match)
        return self.looker.look()

    def tell(self, clock: Clock, change: Change) -> Finding | None:
        """Write and say that a check has found something, or that it has cleared."""
        check = change.check
        assert self.log is not None
        if change.evidence is None:
            self.speaking.remove(check.name)
            self.log.write(cleared=check.name, round=clock.round, images=clock.images)
            self.watch.cleared(check.name, clock.images)
            return None
        self.speaking.append(check.name)
        finding = Finding(check.name, clock.round, clock.images, change.evidence, check.advice, check.grave)
        self.log.write(**finding._asdict())
        self.watch.found(finding)
        return finding

    def failed(self, clock: Clock, sentence: str) -> None:
        """A round's report is no number; the run ends with it."""
        if self.log:
            self.tell(clock, Change(NO_NUMBER, sentence))
