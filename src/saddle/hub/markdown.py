"""Markdown of which nothing that others named, a class or a run, can break out."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence

from ..errors import escape_unprintable

SIGNS = re.compile(r"[\\`*_\[\]#|~$:@]|(?<=www)\.|^[-+=]", re.IGNORECASE)  # that some reader heeds
NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")  # what would begin a list
LINE = re.compile(r"\s+")


def plain(text: object, most: int = 200) -> str:
    """Text as it reads, on one line: no HTML, no link, no emphasis, no table's border."""
    line = escape_unprintable(LINE.sub(" ", str(text)).strip())
    short = line if len(line) <= most else line[: most - 3] + "..."
    return NUMBERED.sub(r"\1\\\2", SIGNS.sub(r"\\\g<0>", html.escape(short, quote=False)))


def code_block(text: str, language: str = "") -> str:
    """Lines as they are, in a fence longer than any within."""
    lines = "\n".join(map(escape_unprintable, text.splitlines()))
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", lines)), default=0))
    return f"{fence}{language}\n{lines}\n{fence}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Of cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def front_matter(facts: dict[str, str | list[str]]) -> str:
    """YAML between its rules: text and lists of text, written as JSON, which YAML reads."""
    lines = (f"{key}: {json.dumps(value)}" for key, value in facts.items())
    return "\n".join(["---", *lines, "---"])
