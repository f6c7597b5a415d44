"""A sweep whose runs are chosen by what the runs before them brought, and ended early where they fall behind."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..errors import format_count, require
from ..measuring import metric_table
from ..notices import Notify
from ..reports.compare import Comparison
from .plan import SweepPlan
from .sampler import Sampler
from .search_state import SearchState
from .shared import SharedSearch
from .shared_study import SharedStudy
from .sweep import is_lower_better, open_sweep, write_comparison
from .workers import WorkerPool


class SearchComparison(Comparison):
    """Runs whose titles say what differs: in a terminal it is not said again."""

    def differing_text(self, width: int) -> str:
        return ""


class SearchResult(NamedTuple):
    """What a search has brought."""

    folder: Path
    best: str  # choice and figure, in a sentence
    command: str  # that trains the best again
    whole: Comparison  # of all runs, the best first


def run_search(plan: SweepPlan, out: str | Path | None = None, jobs: int = 1, said: Notify = print) -> SearchResult:
    """Try as many choices as the plan says, one after another, and compare them.

    The same plan in the same folder goes on, also for more runs. One at a time, what is tried is the same as if it had
    never been stopped; of several at a time it depends on which ended first. Raises as `sweep` does, and Failure if no
    run came to its end.
    """
    require(plan.search is not None, "this plan is a sweep's; a search says how many runs it may take")
    metric = metric_table.parse_metric_names(str(plan.settings["measure"]))[0]
    advisor = Sampler(plan.spaces, is_lower_better(plan), plan.settings.get("seed", 0))
    plan, folder, old = open_sweep(plan, out, jobs)
    whole = f"a search of {format_count(plan.search or 0, 'run')} in {folder}"
    if plan.storage is not None:
        study = SharedStudy(plan.storage, folder, plan.spaces)
        book: SearchState = SharedSearch(plan, folder, advisor, metric, said, study)
        said(f"{whole}, {study.standing()}")
        with study.attended():
            WorkerPool(plan.recipe, folder, jobs, book).run(book.trials())
    else:
        book = SearchState(plan, folder, advisor, metric, said)
        ended = sum(bool(attempt.end) for attempt in book.attempts)
        said(whole + (f", {ended} of them ended before" if old else ""))
        WorkerPool(plan.recipe, folder, jobs, book).run(book.trials())
    best = book.sentence()
    compared = SearchComparison(book.runs(), f"{plan.recipe}: the best is {best}", book.failures())
    write_comparison(compared, folder)
    return SearchResult(folder, best, book.command(), compared)
