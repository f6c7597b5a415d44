"""How large pictures are: one number for a square, or HEIGHTxWIDTH, as it is typed and as a manifest has it."""

from __future__ import annotations

import re
from typing import NamedTuple

from .errors import Mistake, require

SizeText = int | str | tuple[int, int]  # 64, "64x96" or (64, 96): height before width
MAX_SIDE = 16_384  # pixels; beyond, it is a slip


class ImageSize(NamedTuple):
    """Height and width, in pixels."""

    height: int
    width: int

    def __str__(self) -> str:
        return f"{self.height}x{self.width}"

    @property
    def option(self) -> str:
        """As `--size` takes it."""
        return str(self.height) if self.height == self.width else str(self)


def written_size(size: object) -> int | str:
    """A size as it is kept: 64 for a square, "64x96" for any other; raises Mistake for what is none."""
    match size:
        case bool():
            sides = None
        case int(side):
            sides = side, side
        case str(text) if found := re.fullmatch(r"\s*(\d{1,9})(?:\s*[xX]\s*(\d{1,9}))?\s*", text):
            sides = int(found[1]), int(found[2] or found[1])
        case (int(height), int(width)) if not isinstance(size, str):
            sides = height, width
        case _:
            sides = None
    if sides is None:
        raise Mistake(f"size is {size!r}, but should be pixels of a side, 64, or HEIGHTxWIDTH, 64x96")
    require(min(sides) >= 2, f"size {size} is no picture; the smallest is 2 pixels")
    require(max(sides) <= MAX_SIDE, f"size is {size}, but should be at most {MAX_SIDE:,} pixels of a side")
    height, width = sides
    return height if height == width else f"{height}x{width}"


def read_size(size: SizeText) -> ImageSize:
    """Height and width of what `written_size` gives."""
    height, _, width = str(written_size(size)).partition("x")
    return ImageSize(int(height), int(width or height))


def size_of_form(shorter: int, unit: int, form: float) -> ImageSize:
    """The size with this shorter side that is nearest to a form, width by height, and a multiple of the unit."""
    longer = max(shorter, unit * round(shorter * max(form, 1 / form) / unit))
    return ImageSize(shorter, longer) if form > 1 else ImageSize(longer, shorter)
