"""What games write, as text files: the contact sheets of lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from ..shape import Text
from ..texts import to_lines
from .writing import make_parent, write_text


def write_line_sheet(columns: Mapping[str, Tensor], text: Text, path: Path) -> None:
    """Lines of tokens (n, length), one under another; where there are several columns, tabs stand between these."""
    written = [to_lines(tokens, text) for tokens in columns.values()]
    write_lines(["\t".join(row) for row in zip(*written, strict=True)], path)


def write_lines(lines: Sequence[str], path: Path) -> None:
    """A file of UTF-8, and the folders that it lies in."""
    make_parent(path)
    write_text(path, "".join(f"{line}\n" for line in lines))
