"""Two columns of pictures, each a source of its own: read and cached as any other is, with its channels and range."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from ...batches import image_columns
from ...notices import Notify, notify_nobody
from ...shape import Columns, Picture, Shape
from ...texts import describe_texts
from ..cache.store import open_undecoded
from ..captioned import CAPTION
from ..glyph_captions import GLYPH_TEXTS
from ..prepare import Prepare
from ..undecoded import DataSource, UndecodedImages

Kind = Literal["images", "pairs", "unpaired"]
COLUMNS: dict[Kind, tuple[str, str]] = {"pairs": ("source", "target"), "unpaired": ("a", "b")}
Change = Callable[[UndecodedImages, Notify], UndecodedImages]  # what is made of pictures; what there is to say of it
TRUTH = "truth"  # what a picture should become, where that is known of unpaired data: for measuring alone
WHOLE_BYTE = "0..255"  # the range of what has been brought to 8 bits


@dataclass(frozen=True)
class ColumnSource:
    """Where the pictures of one column come from, and how they are made ready."""

    source: DataSource
    prepare: Prepare


@dataclass(frozen=True)
class ColumnPlan:
    """What is translated, and into what; `matched` where the i-th pictures of both belong together."""

    name: str
    first: ColumnSource
    second: ColumnSource
    matched: bool


def glyph_columns(wants: Collection[str], shape: Shape) -> Columns:
    """The columns of glyphs of this shape, where those are wanted: pairs are made of outlines, which are grey."""
    for names in COLUMNS.values():
        if set(names) <= set(wants):
            sides = (Shape(1, *shape[1:3]), Shape(*shape[:3]))
            return {name: Picture(side) for name, side in zip(names, sides, strict=True)}
    if CAPTION in wants:
        return {**image_columns(shape), CAPTION: describe_texts(GLYPH_TEXTS)}
    return image_columns(shape)


def changed_source(whole: DataSource, name: str, key: tuple[object, ...], change: Change,
                   aloud: bool = True) -> DataSource:  # fmt: skip
    """Other pictures of the same files, without labels; what there is to say of the files is said `aloud` or not."""

    def open_(note: Notify) -> UndecodedImages:
        pile = change(open_undecoded(whole, note if aloud else notify_nobody), note)
        return replace(pile, labels=None, classes=())

    return DataSource(f"{whole.name}-{name}", (*key, *whole.cache_key), open_)


def opened_once(whole: DataSource) -> DataSource:
    """The same source, which is not read again for its second column."""

    @cache
    def opened() -> tuple[UndecodedImages, list[str]]:
        said: list[str] = []
        return whole.open(said.append), said

    def open_(note: Notify) -> UndecodedImages:
        pile, said = opened()
        for sentence in said:
            note(sentence)
        return pile

    return replace(whole, open=open_)
