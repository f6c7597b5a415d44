"""One file that needs no other: no script, no outside request."""

from __future__ import annotations

from collections.abc import Sequence

from .. import __version__
from .curves import group_shades
from .interaction import SCRIPT_HASH, script_html, smoothing_html
from .markup import Markup, html_table, html_tag, join_markup
from .reading import Run
from .style import STYLESHEET
from .tables import MARK_SIGNS, Cell, FigureTable
from .words import describe_marks, describe_protocols, format_interval, format_number

POLICY = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src '{SCRIPT_HASH}'"
# so the browser itself refuses any request, and any script but that of the charts

ARROWS = {"lower": " ↓", "higher": " ↑"}  # where better is


def html_page(title: str, about: str, *parts: str) -> str:
    """A whole HTML file."""
    head = html_tag("head", html_tag("meta", charset="utf-8"),
               html_tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
               html_tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
               html_tag("link", rel="icon", href="data:,"), html_tag("title", title),
               html_tag("style", Markup(STYLESHEET)))  # fmt: skip
    foot = html_tag("p", f"Written by saddle {__version__}.", class_="soft")
    body = html_tag("body", html_tag("main", html_tag("h1", title), html_tag("p", about, class_="soft"), *parts, foot),
                    script_html())  # fmt: skip
    return f"<!doctype html>\n{html_tag('html', head, body, lang='en')}\n"


def html_section(title: str, *parts: str) -> Markup:
    """Nothing where there is nothing to show."""
    content = join_markup(*parts)
    return html_tag("section", html_tag("h2", title), content) if content else Markup()


def charts_html(parts: Sequence[Markup]) -> Markup:
    return join_markup(smoothing_html(), html_tag("div", *parts, class_="charts")) if parts else Markup()


def legend_html(runs: Sequence[Run]) -> Markup:
    """Which shade is whose; it stays in sight."""
    groups = dict(zip((run.group for run in runs), group_shades(runs), strict=True))
    names = (
        html_tag("span", html_tag("i"), html_tag("span", group), class_=f"s{shade % 8}")
        for group, shade in groups.items()
    )
    return html_tag("div", *names, class_="legend")


def notes_html(sentences: Sequence[str]) -> Markup:
    return join_markup(*(html_tag("p", sentence, class_="note") for sentence in sentences))


def figures_html(table: FigureTable) -> Markup:
    """The table, what its marks mean, and how every column was measured."""
    if not table.columns:
        return Markup()
    head = ["", *(f"{column.title}{ARROWS.get(column.better, '')}" for column in table.columns)]
    body = [[title, *map(cell_html, cells)] for title, cells in table.rows]
    below = (
        html_tag("p", sentence, class_="soft")
        for sentence in (*describe_marks(table.marks), *describe_protocols(table.columns))
    )
    return join_markup(html_table(head, body), *below)


def cell_html(cell: Cell) -> Markup:
    if cell.figure is None:
        return html_tag("td")
    sign = f" {MARK_SIGNS[cell.mark]}" if cell.mark else ""
    reach = format_interval(cell.figure)
    return html_tag("td", format_number(cell.figure.value), sign, html_tag("br") if reach else "",
                    html_tag("small", reach),
               class_=cell.mark or None)  # fmt: skip
