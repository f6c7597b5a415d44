"""HTML by functions: what is text is escaped, always."""

from __future__ import annotations

from html import escape

from ..runs.pictures import png_address

EMPTY = ("meta", "link", "img", "br", "input")  # elements without an end


class Markup(str):
    """HTML that may stand in a page as it is; any other text is escaped when it comes into one."""


def html_tag(name: str, /, *inside: str, **attributes: str | float | None) -> Markup:
    """An element; `class_` is class, `stop_color` stop-color, None leaves an attribute out."""
    given = ((key.removesuffix("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    words = "".join(f' {key}="{escape(str(value))}"' for key, value in given)
    if name in EMPTY:
        return Markup(f"<{name}{words}>")
    return Markup(f"<{name}{words}>{join_markup(*inside)}</{name}>")


def join_markup(*inside: str) -> Markup:
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in inside))


def embed_png(png: bytes, alt: str) -> Markup:
    """A PNG inside the page itself."""
    return html_tag("img", src=png_address(png), alt=alt)


def html_table(head: list[str], body: list[list[str]], class_: str | None = None) -> Markup:
    """A table; the first cell of each row is its heading. Wide ones scroll by themselves."""
    top = html_tag("thead", html_tag("tr", *(html_tag("th", name, scope="col") for name in head))) if head else Markup()
    lines = (
        html_tag("tr", html_tag("th", row[0], scope="row"), *(table_cell(text) for text in row[1:])) for row in body
    )
    return html_tag("div", html_tag("table", top, html_tag("tbody", *lines), class_=class_), class_="wide")


def table_cell(content: str) -> Markup:
    """What is a cell already stays one."""
    return content if isinstance(content, Markup) and content.startswith("<td") else html_tag("td", content)
