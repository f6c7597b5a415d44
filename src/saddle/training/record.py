"""What the rounds report: kept on the device, read now and then, checked, logged."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..clock import Clock
from ..errors import Failure
from ..runs.log import Log
from .engine import average_over_processes
from .health.monitor import HealthMonitor


class NonFinite(Failure):
    """A term or a gradient is infinite, or no number at all."""


class Record:
    """Reports since the last reading. Every round is checked; every `stride`-th is logged."""

    def __init__(self, log: Log | None, stride: int = 1, nurse: HealthMonitor | None = None) -> None:
        self.log, self.stride, self.monitor = log, stride, nurse  # no log: another process writes it
        self.pending: list[tuple[Clock, dict[str, Tensor]]] = []

    def add(self, clock: Clock, report: dict[str, Tensor]) -> None:
        self.pending.append((clock, report))

    def read(self) -> dict[str, float]:
        """Bring the reports over from the device; returns the last one.

        NonFinite if something is none: of the round in which it is, and of those after it, nothing is logged.
        """
        if not self.pending:
            return {}
        pending, self.pending = self.pending, []
        flat = torch.stack([t.float() for _, report in pending for t in report.values()])
        average_over_processes([flat])
        values = iter(flat.tolist())
        terms: dict[str, float] = {}
        for clock, report in pending:
            terms = dict(zip(report, values, strict=False))
            self.check(clock, terms)
            if self.log and clock.round % self.stride == 0:
                self.log.write(round=clock.round, images=clock.images, **terms)
        return terms

    def check(self, clock: Clock, terms: dict[str, float]) -> None:
        """Refuse what is no number; the nurse hears of everything."""
        try:
            check_finite(clock, terms)
        except NonFinite as fault:
            if self.monitor:
                self.monitor.report_failure(clock, str(fault))
            raise
        if self.monitor:
            self.monitor.observe(clock, terms)


def check_finite(clock: Clock, terms: dict[str, float]) -> None:
    """Name the first thing that is no number: which term of which player, in which round."""
    for key, value in terms.items():
        if not math.isfinite(value):
            player, _, term = key.rpartition("/")
            what = "gradient" if term == "gradient" else f"term {term}"
            raise NonFinite(f"the {player}'s {what} became {value} in round {clock.round} ({clock.images} images)")
