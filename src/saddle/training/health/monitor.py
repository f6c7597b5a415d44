"""Keeps an eye on a run: looks at it now and then, remembers, and tells what the checks find."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from ...capabilities import Makes
from ...clock import Clock
from ...runs.findings import Finding, Rollback, health_path
from ...runs.log import Log
from ..callbacks.base import Callback
from ..machine import process_rank
from ..match import CheckpointFacts, Match
from .checks import HEALTH_WINDOW, NON_FINITE, CheckChange, Observation, find_changes, is_grave
from .probe import Probe, Snapshot, probe_size

PROBE_INTERVAL = 64  # looks' worth of samples trained on between two looks: a look then costs about half a per cent
KEPT_OBSERVATIONS = 128  # readings that are remembered
LOOK_SHARE, LOOK_GRACE = 0.02, 2.0  # of a run's seconds, that looks may take; and seconds that they may take besides


def probe_interval(match: Match[Any]) -> int:
    """Images between two looks."""
    return PROBE_INTERVAL * probe_size(match.stage.batch)


def now() -> float:
    return time.monotonic()


def has_passed_multiple(images: int, before: Clock, now: Clock) -> bool:
    """Has the run come past a multiple of so many images between two moments?"""
    return now.images // images > before.images // images


class HealthMonitor:
    """The first process looks, writes and tells; the others only know when it is time to."""

    def __init__(self, match: Match[Any], folder: Path, watch: Callback) -> None:
        self.match, self.folder, self.watch = match, folder, watch
        self.probe: Probe | None = None
        self.past: list[Observation] = []
        self.speaking: list[str] = []  # checks whose finding has not cleared
        self.gradients: dict[str, list[float]] = {}  # since the last reading
        self.log: Log | None = None
        self.began, self.looking = now(), 0.0  # seconds that looks took since

    def restore(self, facts: CheckpointFacts | None) -> None:
        """Stand where a checkpoint was taken; None: at the beginning, or before there were checks."""
        if facts:
            self.past = [
                Observation(r, i, norms, seen and Snapshot(*seen), *rest) for r, i, norms, seen, *rest in facts["past"]
            ]
            self.speaking, self.gradients = facts["speaking"], facts["gradients"]
        self.log = (
            Log(health_path(self.folder), facts["log"] if facts else 0, self.warn) if process_rank() == 0 else None
        )

    def warn(self, sentence: str) -> None:
        self.watch.on_message(f"warning: {sentence}")

    def state(self) -> CheckpointFacts:
        assert self.log is not None
        past = [[r, i, norms, seen and list(seen), dict(gauges)] for r, i, norms, seen, gauges in self.past]
        return {"past": past, "speaking": self.speaking, "gradients": self.gradients, "log": self.log.sync()}

    def close(self) -> None:
        if self.log:
            self.log.close()

    def observe(self, clock: Clock, terms: Mapping[str, float]) -> None:
        """A round's report."""
        if self.log is None:
            return
        for key, value in terms.items():
            player, _, term = key.rpartition("/")
            if term == "gradient":
                self.gradients.setdefault(player, []).append(value)

    def due(self, before: Clock) -> bool:
        """Has the round that began at `before` come past a look?"""
        return has_passed_multiple(probe_interval(self.match), before, self.match.clock)

    def is_affordable(self) -> bool:
        """Have looks taken little of the run's time so far? Where a round takes a millisecond, they are made seldom.

        It hangs on the time of day, so it may be asked only where what is seen leads nothing.
        """
        return self.looking <= LOOK_GRACE + LOOK_SHARE * (now() - self.began)

    def check(self) -> Finding | None:
        """Look, and tell what has changed; returns what is grave in it."""
        began = now()
        try:
            return self.look()
        finally:
            self.looking += now() - began

    def look(self) -> Finding | None:
        clock, game = self.match.clock, self.match.game
        gauges = {name: float(value) for name, value in game.logged_scalars().items()}
        reading = Observation(clock.round, clock.images, self.medians(), self.take_snapshot(), gauges)
        past = [seen for seen in self.past if self.match.stage_at(seen.images) is self.match.stage]  # of one size
        self.past = [*past, reading][-KEPT_OBSERVATIONS:]
        told = [self.report_change(clock, change) for change in find_changes(self.past, self.speaking)]
        return next((finding for finding in told if finding and finding.grave), None)

    def is_healthy(self) -> bool:
        """Has enough been seen to tell a collapse, and was nothing grave in the last look, or told and not cleared?"""
        if len(self.past) < HEALTH_WINDOW or (self.past[-1].snapshot is None and isinstance(self.match.game, Makes)):
            return False
        return not is_grave(self.past, self.speaking)

    def reset(self, back: Rollback) -> None:
        """The players are what they were: what was seen since says nothing of them. Write and tell it."""
        self.past, self.speaking, self.gradients = [], [], {}
        if self.log:
            facts = back._asdict()
            self.log.write(rolled_back=facts.pop("check"), **facts)
        self.watch.on_rollback(back)

    def medians(self) -> dict[str, float]:
        found = {player: median(norms) for player, norms in self.gradients.items()}
        self.gradients = {}
        return found

    def take_snapshot(self) -> Snapshot | None:
        if not isinstance(self.match.game, Makes):
            return None
        if self.probe is None or self.probe.stage is not self.match.stage:
            self.probe = Probe(self.match)
        return self.probe.take_snapshot()

    def report_change(self, clock: Clock, change: CheckChange) -> Finding | None:
        """Write and say that a check has found something, or that it has cleared."""
        check = change.check
        assert self.log is not None
        if change.evidence is None:
            self.speaking.remove(check.name)
            self.log.write(cleared=check.name, round=clock.round, images=clock.images)
            self.watch.on_finding_cleared(check.name, clock.images)
            return None
        self.speaking.append(check.name)
        finding = Finding(check.name, clock.round, clock.images, change.evidence, check.advice, check.grave)
        self.log.write(**finding._asdict())
        self.watch.on_finding(finding)
        return finding

    def report_failure(self, clock: Clock, sentence: str) -> None:
        """A round's report is no number; the run ends with it."""
        if self.log:
            self.report_change(clock, CheckChange(NON_FINITE, sentence))
