"""Pairs out of single images: halves of those that hold two, and what is made from each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image

from ...errors import require
from ...notices import Notify, notify_nobody
from ..cache.store import open_undecoded
from ..decoding import derive
from ..decoding.decode import read_sizes
from ..decoding.pixels import to_size, to_upright
from ..decoding.ranges import InferredBands
from ..prepare import HALVES, SOURCE_WAYS, Prepare
from ..undecoded import DataSource, UndecodedImages, content_cache_key
from .columns import WHOLE_BYTE, ColumnPlan, ColumnSource, changed_source

SIDE_BY_SIDE = (1.8, 2.2)  # width by height of images that hold two beside one another


def guess_half(name: str, whole: DataSource, say: Notify) -> str:
    """The left half, where all images are about twice as wide as high; else Mistake with what can be said."""
    pile = open_undecoded(whole, notify_nobody)
    low, high = SIDE_BY_SIDE
    if pile.pixels is not None:
        forms = {pile.pixels.shape[2] / pile.pixels.shape[1]}
    else:
        forms = {outline.width / outline.height for outline in read_sizes(pile)}
    wide = all(low <= form <= high for form in forms)
    require(wide, f"{name} has single images, and it is not said what they are to be made from; {SOURCE_WAYS}")
    say(f"{name}: its images are about twice as wide as high, so the left half of each is the source, the right one "
        "the target; --source right takes them the other way round")  # fmt: skip
    return "left"


def plan_halves(name: str, whole: DataSource, wish: str, prepare: Prepare) -> ColumnPlan:
    """The half that is named as the source, the other one as the target."""
    other = HALVES[wish == HALVES[0]]
    return ColumnPlan(name, half_column(whole, wish, prepare, False), half_column(whole, other, prepare, True), True)


def half_column(whole: DataSource, half: str, prepare: Prepare, aloud: bool) -> ColumnSource:
    def change(pile: UndecodedImages, note: Notify) -> UndecodedImages:
        bands = InferredBands(pile, prepare, note if aloud else notify_nobody)

        def read(place: int) -> Image.Image:
            with pile.read(place) as image:
                upright, _ = to_upright(image, bands)
                middle = upright.width // 2
                require(middle > 0, "it is too narrow to have two halves")
                first = 0 if half == HALVES[0] else upright.width - middle
                return upright.crop((first, 0, first + middle, upright.height))

        return UndecodedImages(pile.keys, read)

    key = ("half", half, prepare.range)
    return ColumnSource(changed_source(whole, half, key, change, aloud), replace(prepare, range=WHOLE_BYTE))


def plan_derived(name: str, whole: DataSource, wish: str, prepare: Prepare) -> ColumnPlan:
    """The image as the target; as the source what is made from it once it has the size of the samples.

    That is grey, but in as many channels as are asked for.
    """
    if whole.shape is not None and prepare.size is None:
        prepare = replace(prepare, size=(whole.shape.height, whole.shape.width))

    def change(pile: UndecodedImages, note: Notify) -> UndecodedImages:
        bands = InferredBands(pile, prepare, notify_nobody)

        def read(place: int) -> Image.Image:
            with pile.read(place) as image:
                return derive_image(image, wish, prepare, bands)

        return UndecodedImages(pile.keys, read)

    key = (wish, prepare.range, prepare.alpha, *content_cache_key(Path(derive.__file__)))
    made = replace(prepare, range=WHOLE_BYTE, alpha="auto", channels=prepare.channels or 1)
    return ColumnPlan(name, ColumnSource(changed_source(whole, wish, key, change, False), made),
                      ColumnSource(whole, prepare), True)  # fmt: skip


def derive_image(image: Image.Image, wish: str, prepare: Prepare, bands: InferredBands) -> Image.Image:
    """What is made of an image as it lies in its file."""
    upright, own = to_upright(image, bands)
    clear = upright.has_transparency_data and (upright.mode != "RGBA" or own.has_alpha())
    plain = upright if upright.mode == "L" else upright.convert("RGBA" if clear else "RGB")
    sized = plain if prepare.stored_size is None else to_size(plain, prepare.stored_size, prepare.crop)
    return derive.DERIVATIONS[wish](sized)
