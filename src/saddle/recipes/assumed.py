"""What data have in all likelihood, without a look at them."""

from __future__ import annotations

from collections.abc import Collection

from ..batches import LINE
from ..data.dataset_table import TEXT_SETS, TOY_SETS
from ..data.oracle import VOCABULARY, oracle_text
from ..data.pairing.columns import glyph_columns
from ..image_size import SizeText, read_size
from ..shape import Classes, Columns, Picture, Shape, line_shape
from . import RecipeEntry

GLYPH_CLASSES = 62  # of drawn glyphs


def assumed_columns(entry: RecipeEntry, wants: Collection[str], source: str | None = None,
                    size: SizeText | None = None) -> Columns:  # fmt: skip
    """Those of a source, or else of a recipe's own data: points, lines of text, or grey pictures with classes."""
    named = source or entry.data
    if named in TEXT_SETS:
        return {LINE: Picture(line_shape(oracle_text(VOCABULARY)))}
    if named in TOY_SETS:
        return glyph_columns(wants, Shape(2, 1, 1))
    sides = read_size(size or entry.size or 32)
    return glyph_columns(wants, Shape(1, *sides, Classes(GLYPH_CLASSES)))
