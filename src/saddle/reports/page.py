"""One file that needs no other: no script, no outside request."""

from __future__ import annotations

from collections.abc import Sequence

from .. import __version__
from .curves import shades
from .markup import Markup, joined, rows, tag
from .reading import Run
from .style import STYLE
from .tables import SIGNS, Cell, Table
from .words import interval, legend, number, protocols

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # the browser itself refuses any request

ARROWS = {"lower": " ↓", "higher": " ↑"}  # where better is


def page(title: str, about: str, *parts: str) -> str:
    """A whole HTML file."""
    head = tag("head", tag("meta", charset="utf-8"),
               tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
               tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
               tag("link", rel="icon", href="data:,"), tag("title", title),
               tag("style", Markup(STYLE)))  # fmt: skip
    foot = tag("p", f"Written by saddle {__version__}.", class_="soft")
    body = tag("body", tag("main", tag("h1", title), tag("p", about, class_="soft"), *parts, foot))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def section(title: str, *parts: str) -> Markup:
    """Nothing where there is nothing to show."""
    content = joined(*parts)
    return tag("section", tag("h2", title), content) if content else Markup()


def charts(parts: Sequence[Markup]) -> Markup:
    return tag("div", *parts, class_="charts") if parts else Markup()


def key(runs: Sequence[Run]) -> Markup:
    """Which shade is whose; it stays in sight."""
    groups = dict(zip((run.group for run in runs), shades(runs), strict=True))
    names = (tag("span", tag("i"), tag("span", group), class_=f"s{shade % 8}") for group, shade in groups.items())
    return tag("div", *names, class_="legend")


def notes(sentences: Sequence[str]) -> Markup:
    return joined(*(tag("p", sentence, class_="note") for sentence in sentences))


def figures_html(table: Table) -> Markup:
    """The table, what its marks mean, and how every column was measured."""
    if not table.columns:
        return Markup()
    head = ["", *(f"{column.title}{ARROWS.get(column.better, '')}" for column in table.columns)]
    body = [[title, *map(cell_html, cells)] for title, cells in table.rows]
    below = (tag("p", sentence, class_="soft") for sentence in (*legend(table.marks), *protocols(table.columns)))
    return joined(rows(head, body), *below)


def cell_html(cell: Cell) -> Markup:
    if cell.figure is None:
        return tag("td")
    sign = f" {SIGNS[cell.mark]}" if cell.mark else ""
    reach = interval(cell.figure)
    return tag("td", number(cell.figure.value), sign, tag("br") if reach else "", tag("small", reach),
               class_=cell.mark or None)  # fmt: skip
