"""Pictures made of a picture, for a network to make it of again: grey, edges, the figure's mask and outline."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter

from .pixels import to_channels

Derivation = Callable[[Image.Image], Image.Image]  # of an upright picture in 8 bits a grey one of the same size
EDGE_BLUR = 1.0  # pixels that noise is softened by before edges are looked for
STEEPEST_SHARE, WEAKEST_EDGE = 0.2, 24.0  # an edge is as steep, of the picture's steepest, and in levels a pixel
BLANK_SPREAD = 16  # levels from the ground, below which there is no figure


def grey(image: Image.Image) -> Image.Image:
    """The picture without its colours."""
    return to_channels(image, 1)


def mask(image: Image.Image) -> Image.Image:
    """White where the figure is, black on the ground, soft between them.

    Where something is transparent that is the ground; else it is what is like most of the picture's rim.
    """
    if image.has_transparency_data:
        return image.convert("RGBA").getchannel("A")
    far = ground_distance(np.asarray(to_channels(image, 3)).astype(np.int16))
    if far.max() < BLANK_SPREAD:
        return Image.new("L", image.size)
    middle = otsu_threshold(far)
    return Image.fromarray(np.minimum(far * 127.5 / middle, 255).astype(np.uint8))


def outline(image: Image.Image) -> Image.Image:
    """The rim of the figure, white on black, one pixel wide: its mask without what is left when this is eroded."""
    figure = mask(image)
    return ImageChops.subtract(figure, figure.filter(ImageFilter.MinFilter(3)))


def edges(image: Image.Image) -> Image.Image:
    """Where colours change most, one pixel wide, black on white, as a pen would draw them.

    As Canny's first steps: softened, slopes of the steepest channel, and of them the ridges alone.
    """
    soft = to_channels(image, 3).filter(ImageFilter.GaussianBlur(EDGE_BLUR))
    pixels = np.pad(np.asarray(soft).astype(np.float32), ((1, 1), (1, 1), (0, 0)), mode="edge")
    down = ((pixels[2:, 1:-1] - pixels[:-2, 1:-1]) * 2 + pixels[2:, 2:] - pixels[:-2, 2:] + pixels[2:, :-2]
            - pixels[:-2, :-2]) / 8  # fmt: skip
    right = ((pixels[1:-1, 2:] - pixels[1:-1, :-2]) * 2 + pixels[2:, 2:] - pixels[2:, :-2] + pixels[:-2, 2:]
             - pixels[:-2, :-2]) / 8  # fmt: skip
    steepest = np.argmax(down**2 + right**2, axis=2)[..., None]
    dy, dx = (np.take_along_axis(slope, steepest, 2)[..., 0].astype(np.float32) for slope in (down, right))
    slope = np.hypot(dy, dx)
    drawn = ridges(slope, dy, dx) & (slope >= max(STEEPEST_SHARE * float(slope.max()), WEAKEST_EDGE))
    return Image.fromarray(np.where(drawn, 0, 255).astype(np.uint8))


DERIVATIONS: dict[str, Derivation] = {"edges": edges, "grey": grey, "outline": outline, "mask": mask}


def ridges(slope: NDArray[np.float32], dy: NDArray[np.float32], dx: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a slope is no less than both of its neighbours across the edge, and more than the first of them."""
    wide = np.pad(slope, 1)
    height, width = slope.shape
    eighth = (
        np.round(np.arctan2(dy, dx) / (np.pi / 4)).astype(np.int8) % 4
    )  # across: right, down right, down, down left
    found = np.zeros(slope.shape, bool)
    for number, (y, x) in enumerate(((0, 1), (1, 1), (1, 0), (1, -1))):
        one = wide[1 - y : 1 - y + height, 1 - x : 1 - x + width]
        two = wide[1 + y : 1 + y + height, 1 + x : 1 + x + width]
        found |= (eighth == number) & (slope > one) & (slope >= two)
    return found


def ground_distance(pixels: NDArray[np.int16]) -> NDArray[np.int16]:
    """How far each pixel is from the middle colour of the picture's rim: the most of its channels, (height, width)."""
    rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    far: NDArray[np.int16] = np.abs(pixels - np.median(rim, axis=0).astype(np.int16)).max(axis=2)
    return far


def otsu_threshold(levels: NDArray[np.int16]) -> float:
    """The level between two groups that differ most, in the middle of those that part them equally well."""
    count = np.bincount(levels.ravel(), minlength=256).astype(np.float64)
    below, sums = np.cumsum(count)[:-1], np.cumsum(count * np.arange(256))
    above = levels.size - below
    apart = below * above * (sums[:-1] / np.maximum(below, 1) - (sums[-1] - sums[:-1]) / np.maximum(above, 1)) ** 2
    best = np.flatnonzero(apart >= apart.max() * (1 - 1e-9))
    return float(best[0] + best[-1] + 1) / 2
