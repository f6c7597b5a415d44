"""How a run shows itself in a notebook: one output that follows it, with the last sheet of samples."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from ...clock import Clock
from ...runs.findings import Finding, Rollback
from ...runs.pictures import png_address
from .base import Callback, RunPlan
from .display import Progress

BAR = '<progress max="1" value="{share:.4f}" style="width:20em"></progress>'
PICTURE = '<img alt="samples" src="{address}" style="max-width:100%">'


def in_notebook() -> bool:
    """Is this process the kernel of a notebook?"""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


class NotebookDisplay(Callback):
    """The bar, the terms of every mover, and the last sheet, in one output that is drawn anew once a second."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now, self.drawn = now, 0.0
        self.progress: Progress | None = None
        self.sheet: Path | None = None
        self.handle: Any = None

    def on_begin(self, plan: RunPlan) -> None:
        from IPython.display import HTML, display

        self.progress = Progress(plan)
        self.handle, self.html = display(HTML(self.draw()), display_id=True), HTML
        self.drawn = self.now()

    def on_progress(self, clock: Clock, terms: Mapping[str, float], images_per_second: float) -> None:
        if self.progress:
            self.progress.update(clock, terms, images_per_second)
            if self.now() - self.drawn >= 1:
                self.redraw()

    def on_picture(self, path: Path) -> None:
        self.sheet = path
        self.redraw()

    def on_finding(self, finding: Finding) -> None:
        if self.progress:
            self.progress.findings.append(finding.check)
        super().on_finding(finding)

    def on_finding_cleared(self, check: str, images: int) -> None:
        if self.progress:
            self.progress.findings = [name for name in self.progress.findings if name != check]
        super().on_finding_cleared(check, images)

    def on_rollback(self, back: Rollback) -> None:
        if self.progress:
            self.progress.findings = []
        super().on_rollback(back)

    def on_message(self, sentence: str) -> None:
        print(sentence, flush=True)

    def on_end(self) -> None:
        self.redraw()
        self.progress = None

    def redraw(self) -> None:
        if self.handle is not None and self.progress is not None:
            self.handle.update(self.html(self.draw()))
            self.drawn = self.now()

    def draw(self) -> str:
        """The output as HTML; what comes from names and data is escaped."""
        facts = self.progress
        assert facts is not None, "begin comes first"
        rows = {**facts.terms_by_mover, "health": "; ".join(facts.findings)}
        lines = [f"<b>{escape(facts.plan.title)}</b>", f"{BAR.format(share=facts.share)} {escape(facts.progress_line)}"]
        lines += [f"{escape(name)}: {escape(text)}" for name, text in rows.items() if text]
        return f"<div>{'<br>'.join(lines)}</div>{show_sheet(self.sheet)}"


def show_sheet(sheet: Path | None) -> str:
    """A sheet as HTML without a request: its PNG, or its lines."""
    if sheet is None or not sheet.is_file():
        return ""
    if sheet.suffix == ".txt":
        return f"<pre>{escape(sheet.read_text(encoding='utf-8'))}</pre>"
    return PICTURE.format(address=png_address(sheet.read_bytes()))
