"""Looks at every picture of a source and says what is wrong with it: `saddle doctor`."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...errors import format_count, require
from ...notices import Notify, notify_nobody
from ...texts import PADDING
from ..cache.store import open_undecoded
from ..dataset_table import TOY_SETS
from ..decoding.decode import parallel_map
from ..decoding.pixels import BandMeaning, describe_error, to_channels, to_upright
from ..decoding.ranges import InferredBands
from ..lines import LineDataset, open_lines
from ..prepare import Prepare
from ..sources import find_source, is_lines, resolve_source_name
from ..undecoded import UndecodedImages
from .advice import list_advice
from .duplicates import THUMBNAIL_SIDE, IndexGroups, group_equal, group_near
from .report import Report

USUAL_SHARE = 0.9  # of all pictures: a size that so many have is the usual one
COLOUR_SIDE = 64  # pixels on the shorter side, or a little more, that colours are judged at
MAX_GREY_NOISE = 4  # levels of colour that JPEG leaves in greys
BLANK_STD = 3.0  # grey levels: a picture whose pixels spread less is nearly blank
MODE_NAMES = {
    "1": "black and white",
    "L": "grey",
    "LA": "grey with transparency",
    "I": "16-bit grey",
    "I;16": "16-bit grey",
    "I;16B": "16-bit grey",
    "P": "palette",
    "RGB": "colour",
    "RGBA": "colour with transparency",
    "CMYK": "CMYK",
}


class ImageStats(NamedTuple):
    """What is remembered of a picture."""

    width: int
    height: int
    mode: str
    grey: bool  # red, green and blue are the same everywhere, or nearly
    clear: bool  # something is transparent
    spread: float  # standard deviation of its grey levels
    digest: bytes  # of its pixels
    thumb: NDArray[np.uint8]


class UnreadableImage(NamedTuple):
    """A picture that cannot be read."""

    why: str


def examine(source: str, prepare: Prepare = Prepare(), say: Notify = notify_nobody) -> Report:
    """What there is to know about a source before training on it; raises Mistake for one that is not there.

    Reads every picture whole, as it lies there; of the options, labels and limit decide which, size what is too small.
    """
    source = resolve_source_name(source)
    if source in TOY_SETS:
        return toy_report(source)
    if is_lines(source):
        return line_report(source, open_lines(source, prepare, say))
    pile = open_undecoded(find_source(source, prepare, say), say).chosen(prepare.limit, prepare.left_out)
    require(len(pile) > 0, f"{source} is empty")
    bands = InferredBands(pile, prepare, say)
    seen = list(
        parallel_map(
            lambda some: [examine_image(pile, place, bands) for place in some], len(pile), "Examining pictures"
        )
    )
    return build_report(source, pile, [look for part in seen for look in part], prepare)


def toy_report(source: str) -> Report:
    return Report(source, 0, advice=("points of the plane, drawn as they are needed; there is nothing to prepare",))


def line_report(source: str, lines: LineDataset) -> Report:
    """How many lines there are, of what, and how many of them are said again."""
    lengths = (lines.tokens != PADDING).sum(1) if lines.text.words else np.full(len(lines), lines.text.length)
    different = len({row.tobytes() for row in lines.tokens})
    facts = {
        "lines": f"{len(lines):,}",
        "tokens of a line": f"{lengths.min()} to {lengths.max()}, {np.median(lengths):.0f} in the middle",
        "different tokens": f"{lines.text.vocabulary - bool(lines.text.words):,}",
        "said again": format_count(len(lines) - different, "line") if different < len(lines) else "none",
    }
    return Report(source, len(lines), advice=(f"{lines.shape}; there is nothing to prepare",), facts=facts)


def examine_image(pile: UndecodedImages, place: int, bands: BandMeaning) -> ImageStats | UnreadableImage:
    """One picture, read whole."""
    try:
        with pile.read(place) as image:
            mode = MODE_NAMES.get(image.mode, image.mode)
            return measure_image(*to_upright(image, bands), mode)
    except Exception as error:  # a damaged file can fail in any way inside its decoder
        return UnreadableImage(describe_error(error))


def measure_image(image: Image.Image, bands: BandMeaning, mode: str) -> ImageStats:
    """The facts about an upright picture in 8 bits."""
    clear = image.has_transparency_data and bands.has_alpha()
    same = image.mode in ("L", "RGB") or (image.mode == "RGBA" and clear)
    plain = image if same else to_channels(image, 4 if clear else 3, bands)
    small = plain.reduce(max(1, min(image.size) // COLOUR_SIDE))
    light = to_channels(small, 1)
    colours = np.asarray(to_channels(small, 3))
    return ImageStats(
        *image.size,
        mode,
        bool(np.ptp(colours, axis=2).max() <= MAX_GREY_NOISE),
        plain.mode == "RGBA" and int(np.asarray(plain)[..., 3].min()) < 255,
        float(np.asarray(light).std()),
        hashlib.blake2b(plain.tobytes(), digest_size=16, key=repr((plain.mode, plain.size)).encode()).digest(),
        np.asarray(light.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX)),
    )


def build_report(
    source: str, pile: UndecodedImages, seen: Sequence[ImageStats | UnreadableImage], prepare: Prepare
) -> Report:
    """The findings about all pictures together."""
    good = [i for i, look in enumerate(seen) if isinstance(look, ImageStats)]
    names = [pile.keys[i] for i in good]
    looks = [look for look in seen if isinstance(look, ImageStats)]
    same = group_equal([look.digest for look in looks])
    report = Report(
        source,
        len(seen),
        sizes=Counter((look.height, look.width) for look in looks),
        modes=Counter(look.mode for look in looks),
        classes=count_classes(pile, good),
        unreadable={pile.keys[i]: look.why for i, look in enumerate(seen) if isinstance(look, UnreadableImage)},
        odd={names[i]: f"{looks[i].height}x{looks[i].width}" for i in find_odd_sizes(looks)},
        duplicates=[[names[i] for i in group] for group in same],
        similar=[[names[i] for i in group] for group in find_near_duplicates(looks, same)],
        blank=[name for name, look in zip(names, looks, strict=True) if look.spread < BLANK_STD],
        grey=bool(looks) and all(look.grey for look in looks),
        clear=sum(look.clear for look in looks),
    )
    return replace(report, advice=tuple(list_advice(report, prepare)))


def count_classes(pile: UndecodedImages, places: Sequence[int]) -> dict[str, int]:
    """How many of these pictures each class has, if it has any."""
    if pile.labels is None:
        return {}
    counts = np.bincount(pile.labels[list(places)], minlength=len(pile.classes))
    return {name: n for name, n in zip(pile.classes, counts.tolist(), strict=True) if n}


def find_odd_sizes(looks: Sequence[ImageStats]) -> list[int]:
    """Pictures of an odd size: unlike nearly all others, or much smaller, longer or flatter than they usually are."""
    sizes = Counter((look.width, look.height) for look in looks)
    if looks and (usual := sizes.most_common(1)[0])[1] >= USUAL_SHARE * len(looks):
        return [i for i, look in enumerate(looks) if (look.width, look.height) != usual[0]]
    side = median(min(look.width, look.height) for look in looks) if looks else 0
    shape = median(look.width / look.height for look in looks) if looks else 1
    fits = [2 * min(look.width, look.height) >= side and 0.5 <= look.width / look.height / shape <= 2 for look in looks]
    return [i for i, fit in enumerate(fits) if not fit]


def find_near_duplicates(looks: Sequence[ImageStats], same: IndexGroups) -> IndexGroups:
    """Groups of pictures that are nearly the same, by their places; blank ones and all but one of equal ones aside."""
    again = {i for group in same for i in group[1:]}
    own = [i for i, look in enumerate(looks) if i not in again and look.spread >= BLANK_STD]
    groups = group_near(np.stack([looks[i].thumb for i in own])) if own else []
    return [[own[i] for i in group] for group in groups]
