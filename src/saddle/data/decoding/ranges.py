"""What the bands of a pile's pictures mean, decided from all of them when the first one needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import Mistake
from ...notices import Notify
from ..order import sample_order
from ..prepare import Prepare, parse_range
from ..progress import count_cores
from ..undecoded import UndecodedImages
from .levels import BYTE_LEVELS, EMPTY_EXTENT, Levels, ValueExtent, describe_levels, infer_levels, is_map
from .pixels import BandMeaning, pixel_depth, pixel_numbers
from .stored_bands import StoredBands

ALPHA_SAMPLES = 64  # pictures whose fourth bands are looked at
MIN_SHARP_ALPHA = 0.25  # of a fourth band's values: as many of transparency, and more, are 0 or 255
FULL_RANGE = {"8": 127, "16": 32767}  # a number above needs no further look: the range is the whole one
DEPTH_DTYPES: dict[str, np.dtype[np.generic]] = {
    "8": np.dtype(np.uint8),
    "16": np.dtype(np.uint16),
    "32": np.dtype(np.int32),
    "float": np.dtype(np.float32),
}


class InferredLevels(NamedTuple):
    """What a decision came to: a value, or why there is none."""

    levels: Levels = BYTE_LEVELS
    why: Mistake | None = None


class InferredBands(BandMeaning):
    """Decides once for each depth of pictures, and says so; what was decided `before` stands."""

    def __init__(self, pile: UndecodedImages, prepare: Prepare, say: Notify,
                 before: StoredBands | None = None) -> None:  # fmt: skip
        self.pile, self.say, before = pile, say, before or {}
        self.found = {kind: InferredLevels(Levels(*ends)) for kind, ends in before.get("levels", {}).items()}
        if prepare.range is not None:
            self.found = {kind: InferredLevels(Levels(*parse_range(prepare.range))) for kind in DEPTH_DTYPES}
        if pile.pixels is not None:  # bytes already
            self.found = {"8": InferredLevels()}
        self.clear = before.get("alpha") if prepare.alpha == "auto" else prepare.alpha == "yes"
        self.lock = Lock()

    @property
    def stored(self) -> StoredBands:
        """What has been decided so far; what could not be is decided again."""
        known = {kind: found.levels for kind, found in self.found.items() if found.why is None}
        return {"levels": {kind: (ends.low, ends.high) for kind, ends in known.items()}, "alpha": self.clear}

    def levels(self, kind: str) -> Levels:
        with self.lock:
            if kind not in self.found:
                self.found[kind] = self.infer(kind)
        levels, why = self.found[kind]
        if why is not None:
            raise why
        return levels

    def infer(self, kind: str) -> InferredLevels:
        """From the numbers of all pictures of this depth; of a usual kind from as many as make it sure."""
        extent = self.extent(kind, FULL_RANGE.get(kind, np.inf))
        maps = kind == "8" and FULL_RANGE["8"] < extent.high < BYTE_LEVELS.high and self.maps()
        if maps:
            extent = self.extent(kind, BYTE_LEVELS.high - 1)
        if extent == EMPTY_EXTENT:  # none can be read, and reading them as samples will say why
            return InferredLevels()
        try:
            levels = infer_levels(extent, DEPTH_DTYPES[kind])
        except Mistake as why:
            return InferredLevels(why=why)
        if sentence := describe_levels(levels, extent, DEPTH_DTYPES[kind], maps):
            self.say(f"pictures of {DEPTH_NAMES[kind]}: {sentence}")
        return InferredLevels(levels)

    def extent(self, kind: str, enough: float) -> ValueExtent:
        """Of all pictures of this depth, or of as many as hold a number above `enough`."""
        extent = EMPTY_EXTENT
        for one in self.extents(kind):
            extent |= one
            if extent.high > enough:
                break
        return extent

    def maps(self) -> bool:
        """Do the pictures look like maps of classes?"""

        def looks(place: int) -> bool:
            try:
                with self.pile.read(place) as image:
                    return image.mode == "L" and is_map(np.asarray(image))
            except Exception:  # as below
                return True

        return all(looks(place) for place in range(0, len(self.pile), max(1, len(self.pile) // ALPHA_SAMPLES)))

    def extents(self, kind: str) -> Iterator[ValueExtent]:
        def look(place: int) -> ValueExtent:
            try:
                with self.pile.read(place) as image:
                    return EMPTY_EXTENT if pixel_depth(image) != kind else ValueExtent.of(pixel_numbers(image))
            except Exception:  # reading it as a sample will say why
                return EMPTY_EXTENT

        return map_spread(look, len(self.pile))

    def has_alpha(self) -> bool:
        """Is the fourth band transparency? Of that most is 0 or 255, or all is the same, but not 0 in all pictures."""
        with self.lock:
            if self.clear is None:
                self.clear = self.infer_alpha()
                if not self.clear:
                    self.say("the pictures' fourth band does not look like transparency and is taken for a band like "
                             "the others: 3 channels leave it out, --channels 4 keep it; --alpha yes takes it for "
                             "transparency")  # fmt: skip
        return self.clear

    def infer_alpha(self) -> bool:
        def look(place: int) -> NDArray[np.int64]:
            try:
                with self.pile.read(place) as image:
                    values = image.getchannel(3) if image.mode == "RGBA" else None
                    return np.array(values.histogram() if values else [0] * 256)
            except Exception:  # as above
                return np.zeros(256, np.int64)

        looks = (
            seen for place in sample_order(len(self.pile), 0, 0, len(self.pile)) if (seen := look(int(place))).any()
        )
        counts = np.sum(list(islice(looks, ALPHA_SAMPLES)), axis=0)
        if counts.sum() == counts[0]:  # a band that nobody has filled
            return False
        return bool((counts > 0).sum() == 1 or counts[[0, 255]].sum() >= MIN_SHARP_ALPHA * counts.sum())


DEPTH_NAMES = {"8": "8 bits", "16": "16 bits", "32": "32 bits", "float": "floating point"}


def map_spread(look: Callable[[int], ValueExtent], count: int) -> Iterator[ValueExtent]:
    """What the look sees of every place, a few at a time, so that whoever has seen enough can stop."""
    order = [*range(0, count, max(1, count // ALPHA_SAMPLES))]
    order += sorted(set(range(count)) - set(order))
    with ThreadPoolExecutor(count_cores()) as pool:
        for start in range(0, count, 4 * count_cores()):
            yield from pool.map(look, order[start : start + 4 * count_cores()])
