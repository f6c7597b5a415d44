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

from ..errors import require
from .advice import advised
from .cache import unread
from .decode import together
from .duplicates import THUMB, Groups, equal, near
from .named import TOYS
from .pile import Pile, Say
from .pixels import Bands, coloured, reason, upright
from .prepare import Prepare
from .ranges import Ranges
from .report import Report
from .sources import find, meant

USUAL = 0.9  # of all pictures: a size that so many have is the usual one
SMALL = 64  # pixels on the shorter side, or a little more, that colours are judged at
TRACE = 4  # levels of colour that JPEG leaves in greys
FLAT = 3.0  # grey levels: a picture whose pixels spread less is nearly blank
MODES = {
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


class Look(NamedTuple):
    """What is remembered of a picture."""

    width: int
    height: int
    mode: str
    grey: bool  # red, green and blue are the same everywhere, or nearly
    clear: bool  # something is transparent
    spread: float  # standard deviation of its grey levels
    digest: bytes  # of its pixels
    thumb: NDArray[np.uint8]


class Refused(NamedTuple):
    """A picture that cannot be read."""

    why: str


def examine(source: str, prepare: Prepare = Prepare(), say: Say = lambda sentence: None) -> Report:
    """What there is to know about a source before training on it; raises Mistake for one that is not there.

    Reads every picture whole, as it lies there; of the options, labels and limit decide which, size what is too small.
    """
    source = meant(source)
    if source in TOYS:
        return points(source)
    pile = unread(find(source, prepare, say), say).limited(prepare.limit)
    require(len(pile) > 0, f"{source} is empty")
    bands = Ranges(pile, prepare, say)
    seen = list(together(lambda some: [looked(pile, place, bands) for place in some], len(pile), "Examining pictures"))
    return reported(source, pile, [look for part in seen for look in part], prepare)


def points(source: str) -> Report:
    return Report(source, 0, advice=("points of the plane, drawn as they are needed; there is nothing to prepare",))


def looked(pile: Pile, place: int, bands: Bands) -> Look | Refused:
    """One picture, read whole."""
    try:
        with pile.read(place) as image:
            mode = MODES.get(image.mode, image.mode)
            return measured(*upright(image, bands), mode)
    except Exception as error:  # a damaged file can fail in any way inside its decoder
        return Refused(reason(error))


def measured(image: Image.Image, bands: Bands, mode: str) -> Look:
    """The facts about an upright picture in 8 bits."""
    clear = image.has_transparency_data and bands.transparent()
    same = image.mode in ("L", "RGB") or (image.mode == "RGBA" and clear)
    plain = image if same else coloured(image, 4 if clear else 3, bands)
    small = plain.reduce(max(1, min(image.size) // SMALL))
    light = coloured(small, 1)
    colours = np.asarray(coloured(small, 3))
    return Look(
        *image.size,
        mode,
        bool(np.ptp(colours, axis=2).max() <= TRACE),
        plain.mode == "RGBA" and int(np.asarray(plain)[..., 3].min()) < 255,
        float(np.asarray(light).std()),
        hashlib.blake2b(plain.tobytes(), digest_size=16, key=repr((plain.mode, plain.size)).encode()).digest(),
        np.asarray(light.resize((THUMB, THUMB), Image.Resampling.BOX)),
    )


def reported(source: str, pile: Pile, seen: Sequence[Look | Refused], prepare: Prepare) -> Report:
    """The findings about all pictures together."""
    good = [i for i, look in enumerate(seen) if isinstance(look, Look)]
    names = [pile.keys[i] for i in good]
    looks = [look for look in seen if isinstance(look, Look)]
    same = equal([look.digest for look in looks])
    report = Report(
        source,
        len(seen),
        sizes=Counter((look.width, look.height) for look in looks),
        modes=Counter(look.mode for look in looks),
        classes=counted(pile, good),
        unreadable={pile.keys[i]: look.why for i, look in enumerate(seen) if isinstance(look, Refused)},
        odd={names[i]: f"{looks[i].width}x{looks[i].height}" for i in odd(looks)},
        duplicates=[[names[i] for i in group] for group in same],
        similar=[[names[i] for i in group] for group in alike(looks, same)],
        blank=[name for name, look in zip(names, looks, strict=True) if look.spread < FLAT],
        grey=bool(looks) and all(look.grey for look in looks),
        clear=sum(look.clear for look in looks),
    )
    return replace(report, advice=tuple(advised(report, prepare)))


def counted(pile: Pile, places: Sequence[int]) -> dict[str, int]:
    """How many of these pictures each class has, if it has any."""
    if pile.labels is None:
        return {}
    counts = np.bincount(pile.labels[list(places)], minlength=len(pile.classes))
    return {name: n for name, n in zip(pile.classes, counts.tolist(), strict=True) if n}


def odd(looks: Sequence[Look]) -> list[int]:
    """Pictures of an odd size: unlike nearly all others, or much smaller, longer or flatter than they usually are."""
    sizes = Counter((look.width, look.height) for look in looks)
    if looks and (usual := sizes.most_common(1)[0])[1] >= USUAL * len(looks):
        return [i for i, look in enumerate(looks) if (look.width, look.height) != usual[0]]
    side = median(min(look.width, look.height) for look in looks) if looks else 0
    shape = median(look.width / look.height for look in looks) if looks else 1
    fits = [2 * min(look.width, look.height) >= side and 0.5 <= look.width / look.height / shape <= 2 for look in looks]
    return [i for i, fit in enumerate(fits) if not fit]


def alike(looks: Sequence[Look], same: Groups) -> Groups:
    """Groups of pictures that are nearly the same, by their places; blank ones and all but one of equal ones aside."""
    again = {i for group in same for i in group[1:]}
    own = [i for i, look in enumerate(looks) if i not in again and look.spread >= FLAT]
    groups = near(np.stack([looks[i].thumb for i in own])) if own else []
    return [[own[i] for i in group] for group in groups]
