"""HTML by functions: what is text is escaped, always."""

from __future__ import annotations

import base64
from html import escape

EMPTY = ("meta", "link", "img", "br")  # elements without an end


class Markup(str):
    """HTML that may stand in a page as it is; any other text is escaped when it comes into one."""


def tag(name: str, /, *inside: str, **attributes: str | float | None) -> Markup:
    """An element; `class_` is class, `stop_color` stop-color, None leaves an attribute out."""
    given = ((key.removesuffix("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    words = "".join(f' {key}="{escape(str(value))}"' for key, value in given)
    if name in EMPTY:
        return Markup(f"<{name}{words}>")
    return Markup(f"<{name}{words}>{joined(*inside)}</{name}>")


def joined(*inside: str) -> Markup:
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in inside))


def picture(png: bytes, alt: str) -> Markup:
    """A PNG inside the page itself."""
    return tag("img", src=f"data:image/png;base64,{base64.b64encode(png).decode()}", alt=alt)


def rows(head: list[str], body: list[list[str]], class_: str | None = None) -> Markup:
    """A table; the first cell of each row is its heading. Wide ones scroll by themselves."""
    top = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in head))) if head else Markup()
    lines = (tag("tr", tag("th", row[0], scope="row"), *(cell(text) for text in row[1:])) for row in body)
    return tag("div", tag("table", top, tag("tbody", *lines), class_=class_), class_="wide")


def cell(content: str) -> Markup:
    """What is a cell already stays one."""
    return content if isinstance(content, Markup) and content.startswith("<td") else tag("td", content)
