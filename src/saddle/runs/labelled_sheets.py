"""Sheets on which what is seen is written: a label before each row, a title above each column."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PIL import Image
from torch import Tensor

from ..errors import escape_unprintable, require, shorten_text
from .pictures import LINE_HEIGHT, draw_text, text_width
from .sheets import COMFORTABLE_SIDE, PAPER, SHEET_GAP, grid_columns, to_rgb, to_sheet_pixels

MAX_CELL = 256  # pixels of a side that a larger picture is made smaller for
MAX_LABEL = 180  # pixels in width that the label of a row has
MAX_LINES = 5  # of a label
MIN_CELL = 2 * LINE_HEIGHT  # that small pictures are enlarged to


def make_labelled_sheet(columns: Mapping[str, Sequence[Tensor | None]], labels: Sequence[str]) -> Image.Image:
    """A row for each label, and in it a picture of each column: what it was before, what it became.

    Pictures are (1, 3 or 4 channels, height, width) in [-1, 1], of any sizes; None leaves a place empty. Many rows
    stand in several banks, each under its titles.
    """
    require(len(columns) > 0 and len(labels) > 0, "a sheet needs a row and a column at least")
    lengths = {len(pictures) for pictures in columns.values()}
    require(lengths == {len(labels)}, f"a sheet of {len(labels)} labels has as many pictures in each column, not "
                                      f"{', '.join(map(str, sorted(lengths)))}")  # fmt: skip
    cells = [[None if one is None else paint(one) for one in column] for column in columns.values()]
    sizes = [cell.size for column in cells for cell in column if cell]
    require(bool(sizes), "a sheet needs a picture at least")
    widest, highest = max(w for w, _ in sizes), max(h for _, h in sizes)
    scale = cell_scale(widest, highest, len(labels), len(columns))
    titles = max(text_width(name) for name in columns)
    width, height = max(round(widest * scale), titles), max(round(highest * scale), LINE_HEIGHT)
    shorts = [label_lines(escape_unprintable(label)) for label in labels]
    height = max(height, LINE_HEIGHT * max(map(len, shorts)))
    margin = max(text_width(line) for lines in shorts for line in lines) + 4 * SHEET_GAP
    bank = margin + len(columns) * (width + SHEET_GAP) + 4 * SHEET_GAP
    banks = grid_columns(len(labels), bank / (height + SHEET_GAP))
    rows = -(-len(labels) // banks)
    banks = -(-len(labels) // rows)
    canvas = Image.new("RGB", (banks * bank, LINE_HEIGHT + rows * (height + SHEET_GAP) + SHEET_GAP), (PAPER,) * 3)
    for i, lines in enumerate(shorts):
        left, top = i // rows * bank, LINE_HEIGHT + i % rows * (height + SHEET_GAP)
        for k, line in enumerate(lines):
            middle = top + height // 2 + round(LINE_HEIGHT * (k + 0.5 - len(lines) / 2))
            draw_text(canvas, line, (left + margin - 2 * SHEET_GAP, middle), "white", "rm")
        for j, (name, column) in enumerate(zip(columns, cells, strict=True)):
            x = left + margin + j * (width + SHEET_GAP)
            if i % rows == 0:
                draw_text(canvas, name, (x, 1), "white")
            if (cell := column[i]) is not None:
                canvas.paste(fit(cell, scale), (x, top))
    return canvas


def paint(picture: Tensor) -> Image.Image:
    """A picture in colour, what is transparent over a checkerboard."""
    return Image.fromarray(to_rgb(to_sheet_pixels(picture[None]))[0])


def cell_scale(width: int, height: int, rows: int, columns: int) -> float:
    """How much the largest picture is enlarged, by a whole factor, or made smaller so that it fits into a cell."""
    side = max(width, height)
    if side > MAX_CELL:
        return MAX_CELL / side
    comfortable = round(COMFORTABLE_SIDE / side / max(columns, math.sqrt(rows * columns)))
    return max(1, -(-MIN_CELL // side), min(MAX_CELL // side, comfortable))


def fit(cell: Image.Image, scale: float) -> Image.Image:
    """A picture in its size on the sheet: each pixel repeated, or antialiased where it becomes smaller."""
    size = max(1, round(cell.width * scale)), max(1, round(cell.height * scale))
    return cell.resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST)


def label_lines(label: str) -> list[str]:
    """A label in lines, broken between words; of many words those in the middle are left out."""
    lines = [""]
    for word in shorten_text(label).split() or [""]:
        longer = f"{lines[-1]} {word}".strip()
        if text_width(longer) <= MAX_LABEL:
            lines[-1] = longer
        else:
            lines += [shorten(word, MAX_LABEL)]
    lines = lines[lines[0] == "" and len(lines) > 1 :]
    head, tail = -(-MAX_LINES // 2), MAX_LINES // 2
    return lines if len(lines) <= MAX_LINES else [*lines[: head - 1], f"{lines[head - 1]} ..", *lines[-tail:]]


def shorten(text: str, width: int) -> str:
    """The text without its middle, where it is wider than so many pixels."""
    for kept in range(len(text), 4, -1):
        short = text if kept == len(text) else f"{text[: kept // 3]}..{text[-(kept - kept // 3) :]}"
        if text_width(short) <= width:
            return short
    return text[-4:]
