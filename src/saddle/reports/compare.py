"""Several runs side by side: in a terminal, as a page, as CSV and JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..errors import plural
from ..runs.folder import write_text
from .curves import figure_charts, term_charts
from .findings import findings_html, findings_text
from .grids import gallery, sample_grids
from .markup import Markup, rows, tag
from .page import charts, figures_html, key, notes, page, section
from .reading import Run
from .settings import Difference, differences, facts
from .tables import Table, grouped, tabled
from .words import aligned, as_csv, as_facts, duration, figures_text, progress, runs_text, speed, stops, wrapped

SEEDS = "Each row: the median of its runs, and in brackets from the lowest to the highest of them."
UNMEASURED = "None of these runs has been measured, so there are no figures to compare."


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs, and what can be said of all of them."""

    runs: Sequence[Run]
    title: str
    notes: Sequence[str] = ()  # what else should be read first

    @cached_property
    def table(self) -> Table:
        return tabled(self.runs)

    @cached_property
    def summary(self) -> Table:
        """A row for each group: the very table, unless several runs share one."""
        return grouped(self.table, self.runs) if self.groups else self.table

    @property
    def groups(self) -> bool:
        return len({run.group for run in self.runs}) < len(self.runs)

    @cached_property
    def heads(self) -> list[Run]:
        """The first run of each group."""
        first = {run.group: run for run in reversed(self.runs)}
        return [first[group] for group in dict.fromkeys(run.group for run in self.runs)]

    @cached_property
    def differing(self) -> list[Difference]:
        """In what the groups differ."""
        return list(differences([facts(run.manifest) for run in self.heads]))

    def text(self, width: int) -> str:
        """For a terminal of so many columns."""
        table = self.summary
        parts = [runs_text(self.runs, width), figures_text(table, width) if table.columns else UNMEASURED]
        said = [SEEDS] if self.groups and table.columns else []
        said += [f"warning: {sentence}" for sentence in (*self.notes, *table.warnings)]
        said += stops(self.runs)
        parts += (wrapped(sentence, width) for sentence in (*said, *findings_text(self.runs)))
        return "\n\n".join(filter(None, [*parts, self.differing_text(width)]))

    def differing_text(self, width: int) -> str:
        """A column for each run where that fits, else a line for each name."""
        titles = [run.group for run in self.heads]
        if not self.differing:
            return ""
        lines = [["differs", *titles], *([name, *values] for name, values in self.differing)]
        text = aligned(list(zip(*lines, strict=True)))
        if max(map(len, text.splitlines())) <= width:
            return text
        said = (wrapped(f"{name}: {one_line(values, titles)}", width) for name, values in self.differing)
        return "\n".join(["differs", *said])

    def html(self, seed: int = 0) -> str:
        """One self-contained page; loads the last checkpoints to make its pictures."""
        table = self.summary
        about = (f"Made by each run's last checkpoint from seed {seed}; the latents themselves are the same where the "
                 "networks are." + (" Of each row's runs, the first." if self.groups else ""))  # fmt: skip
        empty = Markup() if table.columns else tag("p", UNMEASURED)
        return page(
            self.title, plural(len(self.runs), "run"), key(self.runs),
            notes((*self.notes, *stops(self.runs), *table.warnings)),
            section("Figures", empty, figures_html(table), self.every_run()),
            section("Samples, same seed", tag("p", about, class_="soft"), gallery(sample_grids(self.heads, seed))),
            section("Figures over training", charts(figure_charts(self.runs, self.table))),
            section("Health", findings_html(self.runs)),
            section("What differs", self.differing_html()),
            section("Runs", self.runs_html()),
            section("Losses and gradients", charts(term_charts(self.runs))))  # fmt: skip

    def every_run(self) -> Markup:
        """Below medians, what they are medians of."""
        if not (self.groups and self.table.columns):
            return Markup()
        said = tag("p", SEEDS, class_="soft")
        return tag("div", said, tag("details", tag("summary", "Every run"), figures_html(self.table)))

    def differing_html(self) -> Markup:
        if not self.differing:
            return tag("p", "Nothing but chance and their folders.")
        return rows(["", *(run.group for run in self.heads)], [[n, *values] for n, values in self.differing], "code")

    def runs_html(self) -> Markup:
        body = [[run.title, run.manifest.name, str(run.manifest.data["name"]), progress(run), duration(run.seconds),
                 speed(run), str(run.manifest.machine["device"]), str(run.folder)] for run in self.runs]  # fmt: skip
        return rows(["", "recipe", "data", "images", "time", "images/s", "device", "folder"], body)

    def json(self) -> str:
        """Everything that the page says in words and numbers."""
        runs = [{"title": run.title, "group": run.group, "folder": str(run.folder), "images": run.images,
                 "seconds": run.seconds, "stopped": str(run.stop) if run.stop else None,
                 "manifest": dataclasses.asdict(run.manifest), "findings": run.findings}
                for run in self.runs]  # fmt: skip
        differing = {name: list(values) for name, values in self.differing}
        whole = {"runs": runs, "table": as_facts(self.table), "groups": as_facts(self.summary),
                 "warnings": self.table.warnings, "differences": differing}  # fmt: skip
        return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"

    def csv(self) -> str:
        return as_csv(self.runs)


def one_line(values: Sequence[str], titles: Sequence[str]) -> str:
    """'Hinge() in a, b; Wasserstein() in c'."""
    having: dict[str, list[str]] = {}
    for value, title in zip(values, titles, strict=True):
        having.setdefault(value, []).append(title)
    return "; ".join(f"{value} in {', '.join(names)}" for value, names in having.items())


def put(path: Path, text: str) -> None:
    """A text file, whole or not at all, in folders made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
