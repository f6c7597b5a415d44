"""Runs side by side, one run on a page, and a run trained again."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import escape_unprintable, require
from ..runs.folder import RunFolder
from ..runs.naming import outputs_folder
from ..waiting import choose_waiting
from .argv import parse_command
from .browsing import open_in_browser
from .facts import ON_OUTPUT, print_facts, tell, write_facts
from .output import print_output, tell_waiting
from .pages import terminal_width


@dataclass(frozen=True)
class CompareOptions:
    """Where a comparison goes besides the terminal."""

    html: Path | None = None  # write a page with curves and pictures, complete in one file
    open: bool = False  # show that page in the browser
    csv: Path | None = None  # write every number ever measured of these runs, with its protocol
    json: Path | None = None  # print everything that is said as JSON, for programs, or write it into FILE.json
    seed: int = 0  # of the samples on the page
    quiet: bool = False  # say only what needs attention, and the comparison
    trust: bool = False  # run the recipe that a run brings, though it was never named on this machine

    def __post_init__(self) -> None:
        require(self.seed >= 0, f"seed is {self.seed}, but should be 0 or more")
        require(not self.open or self.html is not None, "--open shows the page that --html writes; write --html "
                                                        "comparison.html --open")  # fmt: skip


@dataclass(frozen=True)
class ReportOptions:
    """Where a report goes."""

    out: Path | None = None  # the page's file; report.html in the run's folder if not given
    open: bool = False  # show the page in the browser
    data: str | None = None  # where the run's data lie now, if they were moved; they are known by their content
    seed: int = 0  # of the samples on the page
    weights: str | None = None  # a set that saddle average made of the run, by its name, such as std-0.1
    trust: bool = False  # run the recipe that a run brings, though it was never named on this machine

    def __post_init__(self) -> None:
        require(self.seed >= 0, f"seed is {self.seed}, but should be 0 or more")


@dataclass(frozen=True)
class ReproduceOptions:
    """Where the second run goes."""

    out: Path | None = None  # its folder; the first one's name with -again if not given
    data: str | None = None  # where the run's data lie now, if they were moved; they are known by their content
    json: Path | None = None  # print what came out as JSON, for programs, or write it into FILE.json
    trust: bool = False  # run the recipe that a run brings, though it was never named on this machine


def compare(words: list[str]) -> None:
    """saddle compare RUN ..."""
    paths, wish = parse_command("compare", words, CompareOptions())
    trust_runs(paths, wish.trust)
    from ..reports.reading import open_runs

    runs = open_runs(paths)
    from ..reports.compare import Comparison, write_report

    more = f" and {len(runs) - 3} more" if len(runs) > 3 else ""
    whole = Comparison(runs, ", ".join(run.title for run in runs[:3]) + more)
    if wish.json == ON_OUTPUT:
        print_facts(whole.facts())
    else:
        print_output(whole.text(terminal_width()))
    if wish.html:
        write_report(wish.html, whole.html(wish.seed))
    if wish.csv:
        write_report(wish.csv, whole.csv())
    write_facts(wish.json, whole.facts)
    if wish.html and wish.open:
        open_in_browser(wish.html)
    if wish.quiet or wish.json == ON_OUTPUT:
        return
    written = [escape_unprintable(path) for path in (wish.html, wish.csv, wish.json) if path]
    print_output("\n" + ("\n".join(written) or "--html FILE adds curves and pictures."))


def report(words: list[str]) -> None:
    """saddle report RUN."""
    (path,), wish = parse_command("report", words, ReportOptions())
    trust_runs([path], wish.trust)
    from ..reports.reading import open_runs

    (run,) = open_runs([path])
    place = outputs_folder(path) if run.folder.remote else run.folder.path
    here = wish.out is not None or run.folder.remote is not None or os.access(place, os.W_OK)
    require(here, f"{path} may not be written to; name a file for the page: --out report.html")
    from ..reports.compare import write_report
    from ..reports.report import make_report as page

    if wish.data is not None:
        from ..reports.reading import relocate_run

        run = relocate_run(run, wish.data)
    out = wish.out or place / "report.html"
    write_report(out, page(run, wish.seed, wish.weights))
    print_output(escape_unprintable(out))
    if wish.open:
        open_in_browser(out)


def reproduce(words: list[str]) -> None:
    """saddle reproduce RUN."""
    (path,), wish = parse_command("reproduce", words, ReproduceOptions())
    RunFolder.find(path)  # before torch is imported
    tell_waiting(choose_waiting(options=False))
    from ..reproduction import reproduce as again

    same = again(path, wish.out, trust=wish.trust, data=wish.data)
    tell(same.describe, lambda: same, wish.json)


def trust_runs(paths: Iterable[str | Path], trust: bool) -> None:
    """Note, if that is asked for, that the recipes which these runs bring may be run."""
    if trust:
        from ..recipes.revive import trust_run

        for path in paths:
            trust_run(path)
