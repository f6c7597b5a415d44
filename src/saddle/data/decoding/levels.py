"""Which numbers are black and white: asked for, or decided from the values that there are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import Mistake, require

RANGE_TOLERANCE = 1e-3  # how far floats may lie outside their range: resizing overshoots a little
FEW_SHADES = 63  # whole numbers that go no further are masks, classes or a few shades, and no picture of 8 bits
WHITE_LEVELS = (255, 1023, 4095, 16383, 65535)  # the whitest number of 8, 10, 12, 14 and 16 bits
EQUAL, SHADES = 0.8, 64  # neighbours that are the same in a map of classes, at least; its different numbers, at most
RANGE_HINT = "--range LOW..HIGH takes others"


@dataclass(frozen=True)
class Levels:
    """The numbers that become black (0) and white (255)."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"[{self.low:g}, {self.high:g}]"

    def to_uint8(self, numbers: NDArray[np.generic]) -> NDArray[np.uint8]:
        """Any numbers as bytes, what lies outside cut off."""
        scale = 255 / (self.high - self.low)
        out: NDArray[np.uint8] = (
            np.rint(numbers.astype(np.float64) * scale - self.low * scale).clip(0, 255).astype("u1")
        )
        return out


BYTE_LEVELS = Levels(0, 255)
DTYPE_LEVELS = {"b": Levels(0, 1), "u1": BYTE_LEVELS, "u2": Levels(0, 65535)}  # of which nothing needs to be said


class ValueExtent(NamedTuple):
    """What is known of numbers: their ends, and whether all are whole."""

    low: float
    high: float
    whole: bool

    def __or__(self, other: ValueExtent) -> ValueExtent:
        return ValueExtent(min(self.low, other.low), max(self.high, other.high), self.whole and other.whole)

    @staticmethod
    def of(numbers: NDArray[np.generic]) -> ValueExtent:
        """Of some numbers; raises Mistake for NaN and infinite numbers, and for complex ones."""
        real = np.issubdtype(numbers.dtype, np.floating)
        require(real or numbers.dtype.kind in "bui", f"it holds {numbers.dtype} numbers, of which a part would be lost")
        if real and not np.isfinite(numbers).all():
            raise Mistake("a pixel is no number: it is NaN or infinite")
        low, high = float(numbers.min()), float(numbers.max())
        return ValueExtent(low, high, not real or bool((numbers == np.floor(numbers)).all()))


EMPTY_EXTENT = ValueExtent(math.inf, -math.inf, True)


def infer_levels(extent: ValueExtent, dtype: np.dtype[np.generic]) -> Levels:
    """The range that such numbers are taken to lie in; raises Mistake where that cannot be told."""
    found = infer_whole_levels(extent, dtype) if extent.whole else infer_float_levels(extent)
    if found is None:
        ends = f"--range={extent.low:g}..{extent.high:g} takes its ends, " if extent.low < extent.high else ""
        raise Mistake(
            f"its numbers reach from {extent.low:g} to {extent.high:g}, and which of them are black and white cannot "
            f"be told; {ends}--range=LOW..HIGH {'others' if ends else 'says it'}"
        )
    return found


def infer_whole_levels(extent: ValueExtent, dtype: np.dtype[np.generic]) -> Levels | None:
    """Of whole numbers: the least usual depth that holds them, or the least and the largest of a few."""
    low, high, _ = extent
    if low < 0:
        if high <= 1:
            return Levels(-1, 1) if low >= -1 else Levels(-128, 127) if dtype == np.int8 else None
        return Levels(-128, 127) if dtype == np.int8 else None
    if dtype.kind == "b" or high == 0:
        return Levels(0, 1) if dtype.kind in "bf" else BYTE_LEVELS
    if high <= FEW_SHADES:
        return Levels(0, high)
    most = np.iinfo(dtype.str).max if dtype.kind in "iu" else math.inf  # of int8 white is 127
    return next((Levels(0, min(top, most)) for top in WHITE_LEVELS if high <= top), None)


def infer_float_levels(extent: ValueExtent) -> Levels | None:
    low, high, _ = extent
    for levels, least in ((Levels(0, 1), 0), (Levels(-1, 1), 0), (BYTE_LEVELS, FEW_SHADES)):
        if low >= levels.low - RANGE_TOLERANCE and least < high <= levels.high + RANGE_TOLERANCE:
            return levels
    return Levels(-1, 1) if low >= -1 - RANGE_TOLERANCE and high <= 0 else None


def is_map(numbers: NDArray[np.generic]) -> bool:
    """Has a picture of one band (height, width) the flat areas of a map of classes, and no white?"""
    if numbers.shape[1] < 2 or numbers.max() >= 255:
        return False
    same = float((numbers[:, 1:] == numbers[:, :-1]).mean())
    return same >= EQUAL and len(np.unique(numbers)) <= SHADES


def describe_levels(levels: Levels, extent: ValueExtent, dtype: np.dtype[np.generic], maps: bool = False) -> str:
    """A sentence on a range that was decided; none where it is the kind of numbers' own, and they fill it.

    `maps`: the pictures look like maps of classes, of which the largest number may be any.
    """
    usual = "b" if dtype.kind == "b" else f"{dtype.kind}{dtype.itemsize}"
    ends = f"its numbers, from {extent.low:g} to {extent.high:g},"
    if levels != DTYPE_LEVELS.get(usual):
        return f"{ends} are taken to lie in {levels}; {RANGE_HINT}"
    if maps and extent.high < levels.high:
        return (f"{ends} lie in flat areas like numbers of classes, and are taken for shades among {levels}; "
                f"--range 0..{extent.high:g} makes the largest white")  # fmt: skip
    dark = 0 < 2 * extent.high < levels.high
    return f"{ends} are dark among {levels}; --range 0..{extent.high:g} makes the largest white" if dark else ""


def describe_clipping(levels: Levels, extent: ValueExtent) -> str:
    """A sentence on numbers outside a range that was asked for, if there are some."""
    if extent.low >= levels.low - RANGE_TOLERANCE and extent.high <= levels.high + RANGE_TOLERANCE:
        return ""
    return f"its numbers reach from {extent.low:g} to {extent.high:g}: what lies outside {levels} is cut off"
