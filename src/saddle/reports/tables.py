"""Figures side by side: what may stand in one column, what is best in it, what only looks comparable."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from ..metrics.figures import Figure, Protocol
from .reading import Run

Mark = Literal["", "best", "tied", "foreign"]
MARK_SIGNS: Mapping[Mark, str] = {"": "", "best": "*", "tied": "~", "foreign": "†"}
MARK_MEANINGS: Mapping[Mark, str] = {
    "best": "the best of its column",
    "tied": "its interval reaches the best one's",
    "foreign": "measured otherwise than its column says: not to be compared with the others",
}


class Column(NamedTuple):
    """What is measured, and how."""

    metric: str
    title: str
    better: str
    protocol: Protocol


class Cell(NamedTuple):
    figure: Figure | None = None
    mark: Mark = ""


@dataclass(frozen=True)
class FigureTable:
    """A row of cells under each title; warnings say why a cell is marked foreign."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    warnings: tuple[str, ...] = ()

    @property
    def marks(self) -> list[Mark]:
        """Those that occur, in the order in which they are explained."""
        return [mark for mark in MARK_MEANINGS if any(cell.mark == mark for _, cells in self.rows for cell in cells)]


def make_figure_table(runs: Sequence[Run]) -> FigureTable:
    """The latest figures of each run, in columns of one protocol; what has another is marked and warned of."""
    have = [run.figures for run in runs]
    names = dict.fromkeys((figure.metric, figure.title) for figures in have for figure in figures)
    columns = tuple(make_column([select_figures(figures, *name) for figures in have]) for name in names)
    rows = tuple((run.title, tuple(make_cell(select_figures(figures, c.metric, c.title), c) for c in columns))
                 for run, figures in zip(runs, have, strict=True))  # fmt: skip
    return FigureTable(columns, mark_best(columns, rows), tuple(describe_foreign(columns, rows)))


def select_figures(figures: Sequence[Figure], metric: str, title: str) -> list[Figure]:
    return [figure for figure in figures if (figure.metric, figure.title) == (metric, title)]


def make_column(figures: Sequence[Sequence[Figure]]) -> Column:
    """Under the protocol that most runs share; of several such, the one of most samples."""
    offered = dict.fromkeys(figure.protocol for own in figures for figure in own)
    share = {p: sum(any(figure.protocol == p for figure in own) for own in figures) for p in offered}
    protocol = max(offered, key=lambda p: (share[p], p.samples))
    first = next(figure for own in figures for figure in own)
    return Column(first.metric, first.title, first.better, protocol)


def make_cell(figures: Sequence[Figure], column: Column) -> Cell:
    """A run's figure under the column's protocol, else its latest, marked."""
    if not figures:
        return Cell()
    fitting = next((figure for figure in figures if figure.protocol == column.protocol), None)
    return Cell(fitting) if fitting else Cell(figures[-1], "foreign")


def describe_foreign(columns: Sequence[Column], rows: Sequence[tuple[str, Sequence[Cell]]]) -> list[str]:
    """One sentence for every foreign cell, with the fields of the protocol that differ."""
    said = []
    for i, column in enumerate(columns):
        for title, cells in rows:
            figure, mark = cells[i]
            if figure and mark == "foreign":
                fields = (f"{name} {getattr(figure.protocol, name)!r} instead of {getattr(column.protocol, name)!r}"
                          for name in figure.protocol.differs(column.protocol))  # fmt: skip
                said.append(f"{column.title} of {title} was measured otherwise: {', '.join(fields)}")
    return said


def mark_best(columns: Sequence[Column],
              rows: Sequence[tuple[str, tuple[Cell, ...]]]) -> tuple[tuple[str, tuple[Cell, ...]], ...]:  # fmt: skip
    """The rows with the best of each column marked, and those that cannot be told from it."""
    done = [mark_column([cells[i] for _, cells in rows], column.better) for i, column in enumerate(columns)]
    return tuple((title, tuple(cells[r] for cells in done)) for r, (title, _) in enumerate(rows))


def mark_column(cells: Sequence[Cell], better: str) -> list[Cell]:
    fair = [cell.figure for cell in cells if cell.figure and cell.mark != "foreign"]
    known = [figure for figure in fair if not math.isnan(figure.value)]
    if better not in ("lower", "higher") or len(fair) < 2 or not known:
        return list(cells)
    best = (min if better == "lower" else max)(known, key=lambda figure: figure.value)
    if math.isinf(best.value):
        return list(cells)
    return [Cell(c.figure, mark_of(c.figure, best) if c.figure and c.mark != "foreign" else c.mark) for c in cells]


def mark_of(figure: Figure, best: Figure) -> Mark:
    """The best itself, within reach of it, or neither."""
    if figure.value == best.value:
        return "best"
    (low, high), (lowest, highest) = figure_interval(figure), figure_interval(best)
    return "tied" if low <= highest and lowest <= high and low < high else ""


def figure_interval(figure: Figure) -> tuple[float, float]:
    """The interval, or the value where none is known."""
    low, high = (figure.value if end is None else end for end in (figure.low, figure.high))
    return low, high


def group_rows(table: FigureTable, runs: Sequence[Run]) -> FigureTable:
    """The same with a row for each group: the median of its runs, and from the lowest to the highest of them."""
    groups: dict[str, list[tuple[Cell, ...]]] = {}
    for run, (_, cells) in zip(runs, table.rows, strict=True):
        groups.setdefault(run.group, []).append(cells)
    rows = tuple((title, tuple(median_cell([row[i] for row in members]) for i in range(len(table.columns))))
                 for title, members in groups.items())  # fmt: skip
    return replace(table, rows=mark_best(table.columns, rows))


def median_cell(cells: Sequence[Cell]) -> Cell:
    """Foreign figures count only where there are no others."""
    for foreign in (False, True):
        figures = [c.figure for c in cells if c.figure and (c.mark == "foreign") == foreign]
        if figures:
            values = [figure.value for figure in figures]
            middle = replace(figures[0], value=statistics.median(values), low=min(values), high=max(values))
            return Cell(middle, "foreign" if foreign else "")
    return Cell()
