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

from ...clock import Clock, describe_shown
from ...enduring import output
from ...errors import escape_unprintable
from ...runs.findings import Finding, Rollback
from .base import Callback, RunPlan

SMOOTHING = 0.9  # of a term's shown value, each time a new one comes in


class Progress:
    """Where a run stands: what both displays show."""

    def __init__(self, plan: RunPlan) -> None:
        self.plan, self.images, self.speed = plan, plan.start, 0.0
        self.terms: dict[str, float] = {}
        self.picture = self.checkpoint = ""
        self.findings: list[str] = []  # health checks that speak

    def update(self, clock: Clock, terms: Mapping[str, float], speed: float) -> None:
        self.images, self.speed = clock.images, speed
        soft = {key: value if key in self.plan.logged_scalars
                else SMOOTHING * self.terms.get(key, value) + (1 - SMOOTHING) * value
                for key, value in terms.items()}  # fmt: skip
        self.terms = {**self.terms, **soft}  # a new one: another thread may be drawing the old one

    @property
    def share(self) -> float:
        return min(self.images / max(self.plan.images, 1), 1.0)

    @property
    def progress_line(self) -> str:
        """'45 %  28,800 of 64,000 images  1,234 images/s  0:00:29 left'."""
        whole = f", for {self.plan.images:,} in whole rounds" if self.images > self.plan.images else ""
        done = f"{self.share:4.0%}  {describe_shown(self.images, self.plan.images)} images{whole}"
        if not self.speed:
            return done
        left = timedelta(seconds=round(max(self.plan.images - self.images, 0) / self.speed))
        return f"{done}  {format_rate(self.speed)} images/s  {left} left"

    @property
    def terms_by_mover(self) -> dict[str, str]:
        """'critic': 'adversarial 1.21  gradient 3.4', and so on."""
        lines: dict[str, list[str]] = {}
        for key, value in self.terms.items():
            mover, _, term = key.rpartition("/")
            lines.setdefault(mover, []).append(f"{term} {value:.3g}")
        return {mover: "  ".join(terms) for mover, terms in lines.items()}


def format_rate(speed: float) -> str:
    return f"{speed:,.0f}" if speed >= 10 else f"{speed:.2g}"


class LineDisplay(Callback):
    """A line every few seconds, rarer the longer a run lasts: a day leaves under 200 of them."""

    def __init__(self, out: TextIO | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self.out, self.now = out or output(), now
        self.progress: Progress | None = None

    def on_begin(self, plan: RunPlan) -> None:
        self.progress = Progress(plan)
        self.began = self.last = self.now()
        self.written = -1  # images at the last line
        self.on_message(f"{plan.title}: {plan.images:,} images in batches of {plan.batch}, in {plan.folder}")

    def on_progress(self, clock: Clock, terms: Mapping[str, float], images_per_second: float) -> None:
        assert self.progress is not None, "begin comes first"
        self.progress.update(clock, terms, images_per_second)
        now = self.now()
        if now - self.last >= max(5.0, (now - self.began) / 20):
            self.last = now
            self.line(self.progress)

    def line(self, facts: Progress) -> None:
        parts = [facts.progress_line, *(f"{mover}: {terms}" for mover, terms in facts.terms_by_mover.items())]
        self.on_message("  ".join(parts + ([f"last picture {facts.picture}"] if facts.picture else [])))
        self.written, facts.picture = facts.images, ""

    def on_picture(self, path: Path) -> None:
        if self.progress:
            self.progress.picture = str(path)

    def on_message(self, sentence: str) -> None:
        print(escape_unprintable(sentence), file=self.out, flush=True)

    def on_end(self) -> None:
        if self.progress and (self.progress.images != self.written or self.progress.picture):
            self.line(self.progress)
        self.progress = None


class LiveDisplay(Callback):
    """A bar with the speed and the time left, and under it the terms of every mover."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(file=output(), highlight=False)
        self.progress: Progress | None = None

    def on_begin(self, plan: RunPlan) -> None:
        self.progress = Progress(plan)
        self.screen = Screen(console=self.console, get_renderable=self.draw, refresh_per_second=4)
        self.screen.start()

    def draw(self) -> Group:
        facts = self.progress
        if facts is None:
            return Group()
        table = Table.grid(padding=(0, 2))
        ills = "; ".join(facts.findings)
        rows = {**facts.terms_by_mover, "picture": facts.picture, "saved": facts.checkpoint, "health": ills}
        for name, text in rows.items():
            if text:
                table.add_row(Text(name, "dim"), Text(escape_unprintable(text)))
        bar = Table.grid(padding=(0, 1))
        bar.add_row(ProgressBar(total=1.0, completed=facts.share, width=24), Text(facts.progress_line))
        return Group(Text(escape_unprintable(facts.plan.title), "bold"), bar, table)

    def on_progress(self, clock: Clock, terms: Mapping[str, float], images_per_second: float) -> None:
        if self.progress:
            self.progress.update(clock, terms, images_per_second)

    def on_picture(self, path: Path) -> None:
        if self.progress:
            self.progress.picture = str(path)

    def on_checkpoint(self, path: Path) -> None:
        if self.progress:
            self.progress.checkpoint = str(path)

    def on_message(self, sentence: str) -> None:
        self.console.print(Text(escape_unprintable(sentence)))

    def on_finding(self, finding: Finding) -> None:
        super().on_finding(finding)
        if self.progress:
            self.progress.findings = [*self.progress.findings, finding.check]

    def on_finding_cleared(self, check: str, images: int) -> None:
        super().on_finding_cleared(check, images)
        if self.progress:
            self.progress.findings = [ill for ill in self.progress.findings if ill != check]

    def on_rollback(self, back: Rollback) -> None:
        super().on_rollback(back)
        if self.progress:
            self.progress.findings = []

    def on_end(self) -> None:
        if self.progress:
            self.screen.stop()
        self.progress = None
