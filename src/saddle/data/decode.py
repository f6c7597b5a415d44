"""Reading a pile of pictures once, on all cores, in order, leaving out what cannot be read."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from math import prod
from statistics import median
from typing import NamedTuple, TypeVar

import numpy as np

from ..core import Shape
from ..errors import Mistake
from .pile import Pile, Say
from .pixels import Bands, Pixels, fitted, outline, reason, strict
from .prepare import Prepare
from .progress import cores, progress
from .ranges import Ranges

R = TypeVar("R")
TASK = 16  # pictures, at most, that one thread reads before it reports
BLOCK = 1 << 22  # bytes of samples that it then has, if one is no larger


class Outline(NamedTuple):
    """A picture's frame."""

    width: int
    height: int
    grey: bool


class Rows(NamedTuple):
    """Samples that were read, their places in the pile, and (place, reason) for each that was not."""

    pixels: Pixels
    places: list[int]
    refused: list[tuple[int, str]]


def decoded(pile: Pile, prepare: Prepare, say: Say) -> tuple[Shape, Generator[Rows, None, None]]:
    """The samples' shape, and all of them in order; raises Mistake where the pictures do not agree on a shape."""
    shape = agreed(pile, prepare)
    form = (shape.height, shape.width, shape.channels)
    ready = pile.pixels if pile.pixels is not None and pile.pixels.shape[1:] == form else None
    bands = Ranges(pile, prepare, say)

    def read(places: range) -> Rows:
        if ready is not None:
            return Rows(ready[places.start : places.stop], list(places), [])
        return rows(pile, places, prepare, shape, bands)

    return shape, together(read, len(pile), "Reading pictures", max(1, min(TASK, BLOCK // prod(form))))


def rows(pile: Pile, places: Iterable[int], prepare: Prepare, shape: Shape, bands: Bands) -> Rows:
    """These pictures as samples."""
    taken, kept, refused = [], [], []
    for place in places:
        try:
            with pile.read(place) as image:
                sample = fitted(image, prepare.stored, prepare.crop, shape.channels, bands)
            if sample.shape[:2] != shape[1:3]:
                raise Mistake(f"it has {sample.shape[1]}x{sample.shape[0]} pixels, unlike the others")
            taken.append(sample)
            kept.append(place)
        except Exception as error:  # a damaged file can fail in any way inside its decoder
            refused.append((place, reason(error)))
    empty = np.empty((0, shape.height, shape.width, shape.channels), np.uint8)
    return Rows(np.stack(taken) if taken else empty, kept, refused)


def agreed(pile: Pile, prepare: Prepare) -> Shape:
    """The shape that all samples will have."""
    side, channels = prepare.stored, prepare.channels
    if pile.pixels is not None:
        _, height, width, own = pile.pixels.shape
        return Shape(channels or (1 if own == 1 else 3), side or height, side or width)
    if side is not None and channels is not None:
        return Shape(channels, side, side)
    seen = outlines(pile)
    channels = channels or (1 if all(outline.grey for outline in seen) else 3)
    if side is not None:
        return Shape(channels, side, side)
    sizes = Counter((outline.width, outline.height) for outline in seen)
    if len(sizes) > 1:
        raise Mistake(f"the pictures have {differing(sizes)}; --size {proposed(seen)} brings them all to one")
    (width, height), _ = sizes.most_common()[0]
    return Shape(channels, height, width)


def outlines(pile: Pile) -> list[Outline]:
    """The frames of all pictures whose beginning can be read; raises Mistake where none can."""

    def look(places: range) -> list[Outline]:
        seen = []
        for place in places:
            try:
                with pile.read(place) as image:
                    seen.append(Outline(*outline(image)))
            except Exception:  # reading it whole will say why
                continue
        return seen

    seen = [outline for part in together(look, len(pile), "Looking at sizes") for outline in part]
    if not seen:
        raise Mistake(f"none of the {len(pile):,} files is a picture that can be read")
    return seen


def differing(sizes: Counter[tuple[int, int]]) -> str:
    """In words: how many sizes there are, and the extremes."""
    small, large = min(sizes, key=lambda s: s[0] * s[1]), max(sizes, key=lambda s: s[0] * s[1])
    return f"{len(sizes)} sizes, from {small[0]}x{small[1]} to {large[0]}x{large[1]}"


def proposed(seen: Iterable[Outline]) -> int:
    """A good side for such pictures: the power of two, from 16 to 256, that most of them need not be enlarged for."""
    side = int(median(min(outline.width, outline.height) for outline in seen))
    return 1 << max(4, min(8, side.bit_length() - 1))


def together(work: Callable[[range], R], count: int, title: str, task: int = TASK) -> Generator[R, None, None]:
    """What the work makes of all places below `count`, in order, by a thread for each core: decoders let others run.

    No more than a few results wait, so the memory stays small however many pictures there are.
    """
    waiting: deque[tuple[int, Future[R]]] = deque()
    pool = ThreadPoolExecutor(cores())
    with strict(), progress(count, title) as advance:
        try:
            for start in range(0, count, task):
                places = range(start, min(start + task, count))
                waiting.append((len(places), pool.submit(work, places)))
                while len(waiting) > 3 * cores():
                    yield finished(waiting, advance)
            while waiting:
                yield finished(waiting, advance)
        finally:
            pool.shutdown(cancel_futures=True)


def finished(waiting: deque[tuple[int, Future[R]]], advance: Callable[[int], None]) -> R:
    done, future = waiting.popleft()
    result = future.result()
    advance(done)
    return result
