"""What the bands of a pile's pictures mean, decided from all of them when the first one needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import Mistake
from .levels import BYTES, NOTHING, Extent, Levels, is_map, levels_of, told
from .order import order
from .pile import Pile, Say
from .pixels import Bands, depth, numbers_in
from .prepare import Prepare, ends
from .progress import cores

LOOKED = 64  # pictures whose fourth bands are looked at
SHARP = 0.25  # of a fourth band's values: as many of transparency, and more, are 0 or 255
ENOUGH = {"8": 127, "16": 32767}  # a number above needs no further look: the range is the whole one
KINDS: dict[str, np.dtype[np.generic]] = {
    "8": np.dtype(np.uint8),
    "16": np.dtype(np.uint16),
    "32": np.dtype(np.int32),
    "float": np.dtype(np.float32),
}


class Found(NamedTuple):
    """What a decision came to: a value, or why there is none."""

    levels: Levels = BYTES
    why: Mistake | None = None


class Ranges(Bands):
    """Decides once for each depth of pictures, and says so."""

    def __init__(self, pile: Pile, prepare: Prepare, say: Say) -> None:
        self.pile, self.say = pile, say
        self.found: dict[str, Found] = {}
        if prepare.range is not None:
            self.found = {kind: Found(Levels(*ends(prepare.range))) for kind in KINDS}
        if pile.pixels is not None:  # bytes already
            self.found = {"8": Found()}
        self.clear: bool | None = None if prepare.alpha == "auto" else prepare.alpha == "yes"
        self.lock = Lock()

    def levels(self, kind: str) -> Levels:
        with self.lock:
            if kind not in self.found:
                self.found[kind] = self.decided(kind)
        levels, why = self.found[kind]
        if why is not None:
            raise why
        return levels

    def decided(self, kind: str) -> Found:
        """From the numbers of all pictures of this depth; of a usual kind from as many as make it sure."""
        extent = self.extent(kind, ENOUGH.get(kind, np.inf))
        maps = kind == "8" and ENOUGH["8"] < extent.high < BYTES.high and self.maps()
        if maps:
            extent = self.extent(kind, BYTES.high - 1)
        if extent == NOTHING:  # none can be read, and reading them as samples will say why
            return Found()
        try:
            levels = levels_of(extent, KINDS[kind])
        except Mistake as why:
            return Found(why=why)
        if sentence := told(levels, extent, KINDS[kind], maps):
            self.say(f"pictures of {DEPTHS[kind]}: {sentence}")
        return Found(levels)

    def extent(self, kind: str, enough: float) -> Extent:
        """Of all pictures of this depth, or of as many as hold a number above `enough`."""
        extent = NOTHING
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

        return all(looks(place) for place in range(0, len(self.pile), max(1, len(self.pile) // LOOKED)))

    def extents(self, kind: str) -> Iterator[Extent]:
        def look(place: int) -> Extent:
            try:
                with self.pile.read(place) as image:
                    return NOTHING if depth(image) != kind else Extent.of(numbers_in(image))
            except Exception:  # reading it as a sample will say why
                return NOTHING

        return spread(look, len(self.pile))

    def transparent(self) -> bool:
        """Is the fourth band transparency? Of that most is 0 or 255, or all is the same, but not 0 in all pictures."""
        with self.lock:
            if self.clear is None:
                self.clear = self.looks_clear()
                if not self.clear:
                    self.say("the pictures' fourth band does not look like transparency and is taken for a band like "
                             "the others: 3 channels leave it out, --channels 4 keep it; --alpha yes takes it for "
                             "transparency")  # fmt: skip
        return self.clear

    def looks_clear(self) -> bool:
        def look(place: int) -> NDArray[np.int64]:
            try:
                with self.pile.read(place) as image:
                    values = image.getchannel(3) if image.mode == "RGBA" else None
                    return np.array(values.histogram() if values else [0] * 256)
            except Exception:  # as above
                return np.zeros(256, np.int64)

        looks = (seen for place in order(len(self.pile), 0, 0, len(self.pile)) if (seen := look(int(place))).any())
        counts = np.sum(list(islice(looks, LOOKED)), axis=0)
        if counts.sum() == counts[0]:  # a band that nobody has filled
            return False
        return bool((counts > 0).sum() == 1 or counts[[0, 255]].sum() >= SHARP * counts.sum())


DEPTHS = {"8": "8 bits", "16": "16 bits", "32": "32 bits", "float": "floating point"}


def spread(look: Callable[[int], Extent], count: int) -> Iterator[Extent]:
    """What the look sees of every place, a few at a time, so that whoever has seen enough can stop."""
    order = [*range(0, count, max(1, count // LOOKED))]
    order += sorted(set(range(count)) - set(order))
    with ThreadPoolExecutor(cores()) as pool:
        for start in range(0, count, 4 * cores()):
            yield from pool.map(look, order[start : start + 4 * cores()])
