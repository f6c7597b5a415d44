"""A user's pictures translated at any size: whole, or by tiles whose seams are blended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..capabilities import Translates, side_multiple
from ..errors import require
from ..recipes.capable import ask
from ..shape import Picture, Shape
from .image_files import GivenImages, ImageChunk
from .loaded import LoadedGame


@dataclass(frozen=True)
class Tiling:
    """Squares that a large picture is translated by, one after another, where memory is short."""

    side: int | None = None  # pixels; None: pictures are translated whole
    overlap: int = 32  # pixels that neighbours share, over which the one fades into the other

    def __post_init__(self) -> None:
        require(self.side is None or self.side > 0, f"tile is {self.side}, but should be above 0")
        require(self.overlap >= 0, f"overlap is {self.overlap}, but should be 0 or more")
        fits = self.side is None or 2 * self.overlap < self.side
        require(fits, f"tiles of {self.side} pixels cannot share {self.overlap} with each neighbour; the most is "
                f"--overlap {((self.side or 1) - 1) // 2}")  # fmt: skip


def source_shape(loaded: LoadedGame, back: bool = False) -> Shape:
    """What a game translates: pictures of the kind that samples are made for, or on the way back such as it makes."""
    before = loaded.shape.condition
    return before.shape if isinstance(before, Picture) and not back else loaded.shape


def translations(loaded: LoadedGame, given: GivenImages, seed: int = 0, style: Mapping[str, object] = {},
                 tiling: Tiling = Tiling()) -> Iterator[tuple[ImageChunk, Tensor]]:  # fmt: skip
    """Pictures one by one, and what becomes of each, of the same height and width: in any list the same as alone."""
    for chunk in given.chunks():
        yield chunk, translate_any_size(loaded, chunk.images, seed, style, tiling)


def translate_any_size(loaded: LoadedGame, images: Tensor, seed: int = 0, style: Mapping[str, object] = {},
                       tiling: Tiling = Tiling(), place: int = 0) -> Tensor:  # fmt: skip
    """Images of any height and width, (n, channels, height, width) in [-1, 1], that stand from a `place` on.

    They are reflected at their edges up to the multiples of pixels that the networks take, and cut back. What is drawn
    depends on the seed and the place alone, so that all tiles of a picture draw alike.
    """
    work, multiple = ask(loaded.game, Translates, style), side_multiple(loaded.game)

    def whole(some: Tensor, told: Tensor | None) -> Tensor:
        height, width = some.shape[2:]
        made: Tensor = work(reflect_to_multiples(some, multiple), told)
        return made[..., :height, :width].float()

    def made(some: Tensor, told: Tensor | None) -> Tensor:
        side = tiling.side
        if side is None or max(some.shape[2:]) <= side:
            return whole(some, told).cpu()
        return blend_tiles(some, -(-side // multiple) * multiple, tiling.overlap, lambda tile: whole(tile, told).cpu())

    return torch.cat(loaded.chunks(made, images, None, seed, None, place))


def reflect_to_multiples(images: Tensor, multiple: int) -> Tensor:
    """Images that go on below and to the right as in a mirror, until both sides are multiples."""
    rows, columns = (mirrored(side, -(-side // multiple) * multiple) for side in images.shape[2:])
    same = len(rows) == images.shape[2] and len(columns) == images.shape[3]
    return images if same else images[:, :, rows.to(images.device)][..., columns.to(images.device)]


def mirrored(side: int, longer: int) -> Tensor:
    """The places 0, 1, ..., side - 1, side - 2, ..., 1, 0, 1 ... that a longer side shows."""
    there = np.arange(longer) % max(1, 2 * (side - 1))
    return torch.from_numpy(np.minimum(there, 2 * (side - 1) - there) if side > 1 else there * 0)


def blend_tiles(images: Tensor, side: int, overlap: int, work: Callable[[Tensor], Tensor]) -> Tensor:
    """What the work makes of squares that overlap: where they do, each counts the more the farther from its edge."""
    height, width = images.shape[2:]
    total, weight = torch.zeros(0), torch.zeros(1, 1, height, width)
    for top in tile_starts(height, side, overlap):
        for left in tile_starts(width, side, overlap):
            down, right = slice(top, min(top + side, height)), slice(left, min(left + side, width))
            made = work(images[..., down, right])
            if not len(total):
                total = torch.zeros(*made.shape[:2], height, width)
            counts = [ramp(span.start, span.stop, length, overlap) for span, length in ((down, height), (right, width))]
            share = counts[0][:, None] * counts[1]
            total[..., down, right] += made * share
            weight[..., down, right] += share
    return total / weight


def tile_starts(length: int, side: int, overlap: int) -> list[int]:
    """Where tiles begin along a side, so that the last one ends with it."""
    last = max(0, length - side)
    return [*range(0, last, max(1, side - overlap)), last]


def ramp(start: int, stop: int, length: int, overlap: int) -> Tensor:
    """How much a tile counts along one side: it fades over the overlap, but not at an edge of the picture."""
    weight, fade = torch.ones(stop - start), torch.arange(1, overlap + 1) / (overlap + 1)
    if overlap and start > 0:
        weight[:overlap] *= fade
    if overlap and stop < length:
        weight[-overlap:] *= fade.flip(0)
    return weight
