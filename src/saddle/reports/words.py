"""Numbers and tables as text."""

from __future__ import annotations

import csv
import io
import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from ..metrics.figures import Figure, Protocol
from .reading import Run
from .tables import MARK_MEANINGS, MARK_SIGNS, Cell, Column, FigureTable, Mark


def format_number(value: float) -> str:
    """Four digits that count; whole thousands with commas."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"


def format_interval(figure: Figure) -> str:
    """'[33.1, 35.2]'; nothing where it is not known."""
    known = figure.low is not None and figure.high is not None and figure.low < figure.high
    return f"[{format_number(figure.low or 0.0)}, {format_number(figure.high or 0.0)}]" if known else ""


def format_short(count: float) -> str:
    """'12.8k'."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(count) >= size:
            return f"{count / size:.3g}{unit}"
    return f"{count:.3g}"


def format_duration(seconds: float) -> str:
    """'0:02:10'."""
    return str(timedelta(seconds=math.floor(seconds)))


def format_speed(run: Run) -> str:
    """Images a second, over all of the training."""
    return f"{run.pace.speed:,.0f}" if run.pace.speed else ""


def describe_protocol(protocol: Protocol) -> str:
    """A protocol in one line: 'random, 512 numbers each; 1,000 samples against 4,000 of glyphs; seed 0'."""
    weights = f" (weights {protocol.weights[:8]})" if protocol.weights else ""
    how = f"{protocol.features}{weights}" if protocol.features else "no features"
    how += f", {protocol.dimension} numbers each" if protocol.dimension else ""
    how += f", resized by {protocol.resize}" if protocol.resize not in ("", "none") else ""
    against = f" against {protocol.references:,} of {protocol.reference}" if protocol.reference else ""
    by = f" of the {protocol.generator} weights" if protocol.generator else ""
    return f"{how}; {protocol.samples:,} {protocol.subject}{by}{against}; seed {protocol.seed}"


def format_cell(cell: Cell) -> str:
    if cell.figure is None:
        return ""
    return " ".join(
        filter(None, (format_number(cell.figure.value), format_interval(cell.figure), MARK_SIGNS[cell.mark]))
    )


def figures_text(table: FigureTable, width: int) -> str:
    """The table in as many banks as the width asks for, what its marks mean, how each column was measured."""
    titles = [title for title, _ in table.rows]
    columns = [[c.title, *(format_cell(cells[i]) for _, cells in table.rows)] for i, c in enumerate(table.columns)]
    blocks = ["\n\n".join(column_banks(["", *titles], columns, width))]
    blocks += ["\n".join(describe_marks(table.marks))] if table.marks else []
    blocks += ["\n".join(wrap_sentence(sentence, width) for sentence in describe_protocols(table.columns))]
    return "\n\n".join(filter(None, blocks))


def describe_marks(marks: Iterable[Mark]) -> list[str]:
    return [f"{MARK_SIGNS[mark]} {MARK_MEANINGS[mark]}" for mark in marks]


def describe_protocols(columns: Iterable[Column]) -> list[str]:
    """Each protocol once, behind the numbers that were measured under it."""
    under: dict[str, list[str]] = {}
    for column in columns:
        under.setdefault(describe_protocol(column.protocol), []).append(column.title)
    return [f"{', '.join(titles)}: {how}" for how, titles in under.items()]


def wrap_sentence(sentence: str, width: int) -> str:
    """In lines of so many columns, those after the first a little in; a path or a word is never broken."""
    return textwrap.fill(sentence, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def column_banks(first: Sequence[str], columns: Iterable[Sequence[str]], width: int) -> list[str]:
    """Columns of text beside each other; those that do not fit stand below, under the same first column."""
    done: list[list[Sequence[str]]] = []
    left = 0
    for cells in columns:
        wide = max(map(len, cells)) + 2
        if not done or left < wide:
            done.append([first])
            left = width - max(map(len, first))
        done[-1].append(cells)
        left -= wide
    return [align_columns(bank) for bank in done]


def align_columns(columns: Sequence[Sequence[str]]) -> str:
    wide = [max(map(len, cells)) for cells in columns]
    rows = zip(*columns, strict=True)
    return "\n".join("  ".join(f"{c:<{w}}" for c, w in zip(row, wide, strict=True)).rstrip() for row in rows)


def runs_text(runs: Sequence[Run], width: int) -> str:
    """Run by run: what it is and how far it has come."""
    facts = {
        "recipe": [run.manifest.name for run in runs],
        "data": [run.manifest.data["name"] for run in runs],
        "images": [describe_progress(run) for run in runs],
        "time": [format_duration(run.seconds) for run in runs],
        "images/s": [format_speed(run) for run in runs],
    }
    return "\n\n".join(
        column_banks(["", *(r.title for r in runs)], ([name, *said] for name, said in facts.items()), width)
    )


def describe_progress(run: Run) -> str:
    """'576,000', or how many of how many."""
    if run.is_over:
        return f"{run.images:,}"
    return f"{run.images:,} of {run.manifest.images:,}{', ended early' if run.stop else ''}"


def describe_stops(runs: Iterable[Run]) -> list[str]:
    """A sentence for each run that ended early, with why."""
    return [f"{run.title} ended early: {run.stop}" for run in runs if run.stop]


def to_csv(runs: Sequence[Run]) -> str:
    """One line for every number ever measured, with its protocol."""
    lines: list[dict[str, Any]] = []
    for run in runs:
        for m in run.measures:
            where = {"run": run.title, "group": run.group, "images": m.images, "round": m.round, "seconds": m.seconds}
            for figure in m.figures:
                facts = figure.facts()
                lines.append(where | {k: v for k, v in facts.items() if k != "protocol"} | facts["protocol"])
    text = io.StringIO()
    empty = dict.fromkeys(("run", "group", "images", "round", "seconds", *Figure("", "", 0.0).facts()))
    names = [name for name in empty if name != "protocol"] + list(asdict(Protocol()))
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def to_json_rows(table: FigureTable) -> list[dict[str, Any]]:
    """The table for JSON: a row for each title, its figures with their marks."""
    return [{"title": title, "figures": [cell.figure.facts() | {"mark": cell.mark} for cell in cells if cell.figure]}
            for title, cells in table.rows]  # fmt: skip
