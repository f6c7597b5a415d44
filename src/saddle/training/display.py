"""How a run shows itself in a terminal: live where it can, else one plain line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live as Screen
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ..core import Clock
from ..enduring import output
from ..errors import visible
from ..runs.findings import Finding, Rollback
from .watch import Plan, Watcher

KEPT = 0.9  # of a term's shown value, each time a new one comes in


class Facts:
    """Where a run stands: what both displays show."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.images, self.speed = plan, plan.start, 0.0
        self.terms: dict[str, float] = {}
        self.picture = self.checkpoint = ""
        self.ills: list[str] = []  # health checks that speak

    def played(self, clock: Clock, terms: Mapping[str, float], speed: float) -> None:
        self.images, self.speed = clock.images, speed
        soft = {key: value if key in self.plan.gauges else KEPT * self.terms.get(key, value) + (1 - KEPT) * value
                for key, value in terms.items()}  # fmt: skip
        self.terms = {**self.terms, **soft}  # a new one: another thread may be drawing the old one

    @property
    def share(self) -> float:
        return min(self.images / max(self.plan.images, 1), 1.0)

    @property
    def pace(self) -> str:
        """'45 %  28,800 of 64,000 images  1,234 images/s  0:00:29 left'."""
        done = f"{self.share:4.0%}  {self.images:,} of {self.plan.images:,} images"
        if not self.speed:
            return done
        left = timedelta(seconds=round(max(self.plan.images - self.images, 0) / self.speed))
        return f"{done}  {quantity(self.speed)} images/s  {left} left"

    @property
    def movers(self) -> dict[str, str]:
        """'critic': 'adversarial 1.21  gradient 3.4', and so on."""
        lines: dict[str, list[str]] = {}
        for key, value in self.terms.items():
            mover, _, term = key.rpartition("/")
            lines.setdefault(mover, []).append(f"{term} {value:.3g}")
        return {mover: "  ".join(terms) for mover, terms in lines.items()}


def quantity(speed: float) -> str:
    return f"{speed:,.0f}" if speed >= 10 else f"{speed:.2g}"


class Plain(Watcher):
    """A line every few seconds, rarer the longer a run lasts: a day leaves under 200 of them."""

    def __init__(self, out: TextIO | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.out, self.now = out or output(), now
        self.facts: Facts | None = None

    def begin(self, plan: Plan) -> None:
        self.facts = Facts(plan)
        self.began = self.last = self.now()
        self.written = -1  # images at the last line
        self.said(f"{plan.title}: {plan.images:,} images in rounds of {plan.batch}, in {plan.folder}")

    def played(self, clock: Clock, terms: Mapping[str, float], images_per_second: float) -> None:
        assert self.facts is not None, "begin comes first"
        self.facts.played(clock, terms, images_per_second)
        now = self.now()
        if now - self.last >= max(5.0, (now - self.began) / 20):
            self.last = now
            self.line(self.facts)

    def line(self, facts: Facts) -> None:
        parts = [facts.pace, *(f"{mover}: {terms}" for mover, terms in facts.movers.items())]
        self.said("  ".join(parts + ([f"last picture {facts.picture}"] if facts.picture else [])))
        self.written, facts.picture = facts.images, ""

    def pictured(self, path: Path) -> None:
        if self.facts:
            self.facts.picture = str(path)

    def said(self, sentence: str) -> None:
        print(visible(sentence), file=self.out, flush=True)

    def end(self) -> None:
        if self.facts and (self.facts.images != self.written or self.facts.picture):
            self.line(self.facts)
        self.facts = None


class Live(Watcher):
    """A bar with the speed and the time left, and under it the terms of every mover."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(file=output(), highlight=False)
        self.facts: Facts | None = None

    def begin(self, plan: Plan) -> None:
        self.facts = Facts(plan)
        self.screen = Screen(console=self.console, get_renderable=self.draw, refresh_per_second=4)
        self.screen.start()

    def draw(self) -> Group:
        facts = self.facts
        if facts is None:
            return Group()
        table = Table.grid(padding=(0, 2))
        ills = "; ".join(facts.ills)
        rows = {**facts.movers, "picture": facts.picture, "saved": facts.checkpoint, "health": ills}
        for name, text in rows.items():
            if text:
                table.add_row(Text(name, "dim"), Text(visible(text)))
        bar = Table.grid(padding=(0, 1))
        bar.add_row(ProgressBar(total=1.0, completed=facts.share, width=24), Text(facts.pace))
        return Group(Text(visible(facts.plan.title), "bold"), bar, table)

    def played(self, clock: Clock, terms: Mapping[str, float], images_per_second: float) -> None:
        if self.facts:
            self.facts.played(clock, terms, images_per_second)

    def pictured(self, path: Path) -> None:
        if self.facts:
            self.facts.picture = str(path)

    def saved(self, path: Path) -> None:
        if self.facts:
            self.facts.checkpoint = str(path)

    def said(self, sentence: str) -> None:
        self.console.print(Text(visible(sentence)))

    def found(self, finding: Finding) -> None:
        super().found(finding)
        if self.facts:
            self.facts.ills = [*self.facts.ills, finding.check]

    def cleared(self, check: str, images: int) -> None:
        super().cleared(check, images)
        if self.facts:
            self.facts.ills = [ill for ill in self.facts.ills if ill != check]

    def returned(self, back: Rollback) -> None:
        super().returned(back)
        if self.facts:
            self.facts.ills = []

    def end(self) -> None:
        if self.facts:
            self.screen.stop()
        self.facts = None
