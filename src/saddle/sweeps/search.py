"""A sweep whose runs are chosen by what the runs before them brought, and ended early where they fall behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ..errors import plural, require
from ..measuring import named
from ..reports.compare import Comparison
from .book import Book
from .plan import Plan
from .study import Advisor
from .sweep import keep, placed
from .workers import Workers


class Choices(Comparison):
    """Runs whose titles say what differs: in a terminal it is not said again."""

    def differing_text(self, width: int) -> str:
        return ""


class Found(NamedTuple):
    """What a search has brought."""

    folder: Path
    best: str  # choice and figure, in a sentence
    command: str  # that trains the best again
    whole: Comparison  # of all runs, the best first


def search(plan: Plan, out: str | Path | None = None, jobs: int = 1, said: Callable[[str], None] = print) -> Found:
    """Try as many choices as the plan says, one after another, and compare them.

    The same plan in the same folder goes on, also for more runs. One at a time, what is tried is the same as if it had
    never been stopped; of several at a time it depends on which ended first. Raises as `sweep` does, and Failure if no
    run came to its end.
    """
    require(plan.search is not None, "this plan is a sweep's; a search says how many runs it may take")
    metric = named.chosen(str(plan.settings["measure"]))[0]
    lower = named.METRICS[metric].better == "lower"
    advisor = Advisor(plan.spaces, lower, plan.settings.get("seed", 0))
    plan, folder, old = placed(plan, out, jobs)
    book = Book(plan, folder, advisor, metric, said)
    ended = sum(bool(attempt.end) for attempt in book.attempts)
    said(
        f"a search of {plural(plan.search or 0, 'run')} in {folder}"
        + (f", {ended} of them ended before" if old else "")
    )
    Workers(plan.recipe, folder, jobs, book).go(book.trials())
    best = book.sentence()
    whole = Choices(book.runs(), f"{plan.recipe}: the best is {best}", book.failures())
    keep(whole, folder)
    return Found(folder, best, book.command(), whole)
