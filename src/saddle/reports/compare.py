"""Several runs side by side: in a terminal, as a page, as CSV and JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..errors import format_count
from ..runs.writing import write_text
from .curves import figure_charts, term_charts
from .findings import findings_html, findings_text
from .markup import Markup, html_table, html_tag, join_markup
from .page import charts_html, figures_html, html_page, html_section, legend_html, notes_html
from .reading import Run
from .settings import Difference, find_differences, is_changed, manifest_facts
from .tables import FigureTable, group_rows, make_figure_table
from .words import (
    align_columns,
    describe_progress,
    describe_stops,
    figures_text,
    format_duration,
    format_speed,
    runs_text,
    to_csv,
    to_json_rows,
    wrap_sentence,
)

MEDIAN_NOTE = "Each row: the median of its runs, and in brackets from the lowest to the highest of them."
CHANGED_NOTE = "{mark}: asked for; the rest is as the recipe or saddle has it."
UNMEASURED = "None of these runs has been measured; `saddle measure RUN` takes the figures of one."


@dataclass(frozen=True, eq=False)
class Comparison:
    """Runs, and what can be said of all of them."""

    runs: Sequence[Run]
    title: str
    notes: Sequence[str] = ()  # what else should be read first

    @cached_property
    def table(self) -> FigureTable:
        return make_figure_table(self.runs)

    @cached_property
    def summary(self) -> FigureTable:
        """A row for each group: the very table, unless several runs share one."""
        return group_rows(self.table, self.runs) if self.groups else self.table

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
        return list(find_differences([manifest_facts(run.manifest) for run in self.heads]))

    def text(self, width: int) -> str:
        """For a terminal of so many columns."""
        table = self.summary
        parts = [runs_text(self.runs, width), figures_text(table, width) if table.columns else UNMEASURED]
        said = [MEDIAN_NOTE] if self.groups and table.columns else []
        said += [f"warning: {sentence}" for sentence in (*self.notes, *table.warnings)]
        said += describe_stops(self.runs)
        parts += (wrap_sentence(sentence, width) for sentence in (*said, *findings_text(self.runs)))
        return "\n\n".join(filter(None, [*parts, self.differing_text(width)]))

    def differing_text(self, width: int) -> str:
        """A column for each run where that fits, else a line for each name."""
        titles = [run.group for run in self.heads]
        if not self.differing:
            return ""
        marked = [(name, [f"{value} *" if is_changed(run.manifest, name) else value
                          for run, value in zip(self.heads, values, strict=True)])
                  for name, values in self.differing]  # fmt: skip
        lines = [["differs", *titles], *([name, *values] for name, values in marked)]
        text = align_columns(list(zip(*lines, strict=True)))
        if max(map(len, text.splitlines())) > width:
            said = (wrap_sentence(f"{name}: {one_line(values, titles)}", width) for name, values in marked)
            text = "\n".join(["differs", *said])
        stars = any(value.endswith(" *") for _, values in marked for value in values)
        return f"{text}\n\n{CHANGED_NOTE.format(mark='*')}" if stars else text

    def html(self, seed: int = 0) -> str:
        """One self-contained page; loads the last checkpoints to make its pictures."""
        from .grids import data_pictures, gallery_html, sample_grids  # torch, which text does without

        table = self.summary
        about = (f"Made by each run's last checkpoint from seed {seed}; the latents themselves are the same where the "
                 "networks are." + (" Of each row's runs, the first." if self.groups else ""))  # fmt: skip
        empty = Markup() if table.columns else html_tag("p", UNMEASURED)
        return html_page(
            self.title, format_count(len(self.runs), "run"), legend_html(self.runs),
            notes_html((*self.notes, *describe_stops(self.runs), *table.warnings)),
            html_section("Figures", empty, figures_html(table), self.every_run()),
            html_section("Samples, same seed", html_tag("p", about, class_="soft"),
                         gallery_html([*data_pictures(self.heads), *sample_grids(self.heads, seed)])),
            html_section("Figures over training", charts_html(figure_charts(self.runs, self.table))),
            html_section("Health", findings_html(self.runs)),
            html_section("What differs", self.differing_html()),
            html_section("Runs", self.runs_html()),
            html_section("Losses and gradients", charts_html(term_charts(self.runs))))  # fmt: skip

    def every_run(self) -> Markup:
        """Below medians, what they are medians of."""
        if not (self.groups and self.table.columns):
            return Markup()
        said = html_tag("p", MEDIAN_NOTE, class_="soft")
        return html_tag("div", said, html_tag("details", html_tag("summary", "Every run"), figures_html(self.table)))

    def differing_html(self) -> Markup:
        if not self.differing:
            return html_tag("p", "Nothing but chance and their folders.")
        rows = [[name, *(html_tag("td", html_tag("b", value)) if is_changed(run.manifest, name) else value
                         for run, value in zip(self.heads, values, strict=True))]
                for name, values in self.differing]  # fmt: skip
        about = html_tag("p", CHANGED_NOTE.format(mark="In bold"), class_="soft")
        return join_markup(about, html_table(["", *(run.group for run in self.heads)], rows, "code"))

    def runs_html(self) -> Markup:
        body = [[run.title, run.manifest.name, str(run.manifest.data["name"]), describe_progress(run),
                 format_duration(run.seconds),
                 format_speed(run), str(run.manifest.machine["device"]), str(run.folder)]
                 for run in self.runs]  # fmt: skip
        return html_table(["", "recipe", "data", "images", "time", "images/s", "device", "folder"], body)

    def facts(self) -> dict[str, Any]:
        """Everything that the page says in words and numbers."""
        runs = [{"title": run.title, "group": run.group, "folder": str(run.folder), "images": run.images,
                 "seconds": run.seconds, "stopped": str(run.stop) if run.stop else None,
                 "manifest": dataclasses.asdict(run.manifest), "findings": run.findings}
                for run in self.runs]  # fmt: skip
        differing = {name: list(values) for name, values in self.differing}
        return {"runs": runs, "table": to_json_rows(self.table), "groups": to_json_rows(self.summary),
                 "warnings": self.table.warnings, "differences": differing}  # fmt: skip

    def json(self) -> str:
        return json.dumps(self.facts(), indent=2, ensure_ascii=False) + "\n"

    def csv(self) -> str:
        return to_csv(self.runs)


def one_line(values: Sequence[str], titles: Sequence[str]) -> str:
    """'Hinge() in a, b; Wasserstein() in c'."""
    having: dict[str, list[str]] = {}
    for value, title in zip(values, titles, strict=True):
        having.setdefault(value, []).append(title)
    return "; ".join(f"{value} in {', '.join(names)}" for value, names in having.items())


def write_report(path: Path, text: str) -> None:
    """A text file, whole or not at all, in folders made for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
