"""Reading a pile of pictures once, on all cores, in order, leaving out what cannot be read."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from math import prod
from statistics import median
from typing import NamedTuple, TypeVar

import numpy as np

from ...errors import Mistake
from ...shape import Shape
from ..prepare import Prepare
from ..progress import count_cores, progress_bar
from ..undecoded import UndecodedImages
from .pixels import BandMeaning, PixelArray, describe_error, read_outline, strict_pillow, to_sample_pixels

R = TypeVar("R")
IMAGES_PER_TASK = 16  # pictures, at most, that one thread reads before it reports
BYTES_PER_TASK = 1 << 22  # bytes of samples that it then has, if one is no larger


class ImageOutline(NamedTuple):
    """A picture's frame."""

    width: int
    height: int
    grey: bool


class DecodedRows(NamedTuple):
    """Samples that were read, their places in the pile, and (place, reason) for each that was not."""

    pixels: PixelArray
    places: list[int]
    refused: list[tuple[int, str]]


def decode_images(
    pile: UndecodedImages, prepare: Prepare, bands: BandMeaning
) -> tuple[Shape, Generator[DecodedRows, None, None]]:
    """The samples' shape, and all of them in order; raises Mistake where the pictures do not agree on a shape."""
    shape = common_shape(pile, prepare)
    task = max(1, min(IMAGES_PER_TASK, BYTES_PER_TASK // prod(shape[:3])))
    return shape, parallel_map(
        lambda places: decode_rows(pile, places, prepare, shape, bands), len(pile), "Reading pictures", task
    )


def decode_rows(
    pile: UndecodedImages, places: Sequence[int], prepare: Prepare, shape: Shape, bands: BandMeaning
) -> DecodedRows:
    """These pictures as samples."""
    if pile.pixels is not None and pile.pixels.shape[1:] == (shape.height, shape.width, shape.channels):
        return DecodedRows(pile.pixels[places], list(places), [])
    taken, kept, refused = [], [], []
    for place in places:
        try:
            with pile.read(place) as image:
                sample = to_sample_pixels(image, prepare.stored_size, prepare.crop, shape.channels, bands)
            if sample.shape[:2] != shape[1:3]:
                raise Mistake(f"it has {sample.shape[0]}x{sample.shape[1]} pixels, unlike the others")
            taken.append(sample)
            kept.append(place)
        except Exception as error:  # a damaged file can fail in any way inside its decoder
            refused.append((place, describe_error(error)))
    empty = np.empty((0, shape.height, shape.width, shape.channels), np.uint8)
    return DecodedRows(np.stack(taken) if taken else empty, kept, refused)


def common_shape(pile: UndecodedImages, prepare: Prepare) -> Shape:
    """The shape that all samples will have."""
    size, channels = prepare.stored_size, prepare.channels
    if pile.pixels is not None:
        _, height, width, own = pile.pixels.shape
        return Shape(channels or (1 if own == 1 else 3), *(size or (height, width)))
    if size is not None and channels is not None:
        return Shape(channels, *size)
    seen = read_sizes(pile)
    channels = channels or (1 if all(outline.grey for outline in seen) else 3)
    if size is not None:
        return Shape(channels, *size)
    sizes = Counter((outline.height, outline.width) for outline in seen)
    if len(sizes) > 1:
        raise Mistake(f"the pictures have {describe_sizes(sizes)}; --size {propose_size(seen)} brings them all to one")
    (height, width), _ = sizes.most_common()[0]
    return Shape(channels, height, width)


def read_sizes(pile: UndecodedImages) -> list[ImageOutline]:
    """The frames of all pictures whose beginning can be read; raises Mistake where none can."""

    def look(places: range) -> list[ImageOutline]:
        seen = []
        for place in places:
            try:
                with pile.read(place) as image:
                    seen.append(ImageOutline(*read_outline(image)))
            except Exception:  # reading it whole will say why
                continue
        return seen

    seen = [outline for part in parallel_map(look, len(pile), "Looking at sizes") for outline in part]
    if not seen:
        which = f"none of the {len(pile):,} files is a" if len(pile) > 1 else "the only file there is no"
        raise Mistake(f"{which} picture that can be read")
    return seen


def describe_sizes(sizes: Counter[tuple[int, int]]) -> str:
    """In words: how many sizes there are, and the extremes."""
    small, large = min(sizes, key=lambda s: s[0] * s[1]), max(sizes, key=lambda s: s[0] * s[1])
    return f"{len(sizes)} sizes, from {small[0]}x{small[1]} to {large[0]}x{large[1]} (height x width)"


def propose_size(seen: Iterable[ImageOutline]) -> int:
    """A good side for such pictures: the power of two, from 16 to 256, that most of them need not be enlarged for."""
    side = int(median(min(outline.width, outline.height) for outline in seen))
    return 1 << max(4, min(8, side.bit_length() - 1))


def parallel_map(
    work: Callable[[range], R], count: int, title: str, task: int = IMAGES_PER_TASK
) -> Generator[R, None, None]:
    """What the work makes of all places below `count`, in order, by a thread for each core: decoders let others run.

    No more than a few results wait, so the memory stays small however many pictures there are.
    """
    waiting: deque[tuple[int, Future[R]]] = deque()
    pool = ThreadPoolExecutor(count_cores())
    with strict_pillow(), progress_bar(count, title) as advance:
        try:
            for start in range(0, count, task):
                places = range(start, min(start + task, count))
                waiting.append((len(places), pool.submit(work, places)))
                while len(waiting) > 3 * count_cores():
                    yield next_result(waiting, advance)
            while waiting:
                yield next_result(waiting, advance)
        finally:
            pool.shutdown(cancel_futures=True)


def next_result(waiting: deque[tuple[int, Future[R]]], advance: Callable[[int], None]) -> R:
    done, future = waiting.popleft()
    result = future.result()
    advance(done)
    return result
