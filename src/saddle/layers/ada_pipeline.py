"""The augmentation pipeline of ADA: twelve changes, each made to each picture with a probability.

Karras et al. 2020, arXiv:2006.06676, appendix B. Order, laws and strengths are as in the released code, with its
default groups: filters of four bands, noise and cutout, the other six of its eighteen, are not here. Where the authors
move pictures between wavelet filters at twice the size, these are interpolated by cubics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import require
from ..parts import draw_rows
from ..precision import full_precision
from .affine_warp import rotation_matrix, scale_matrix, translation_matrix, warp_images

SHIFT = 0.125  # of a side: the largest whole shift, and the standard deviation of one between pixels
STRETCH = 0.2 * math.log(2)  # standard deviation of the logarithm of a change of size
BRIGHTNESS, CONTRAST, SATURATION = 0.2, 0.5 * math.log(2), math.log(2)  # the last two of logarithms


def check_pictures(shape: Sequence[int], colours: bool) -> None:
    """Raises Mistake for points, lines of text, and colours of channels that have none; the shape is (c, h, w)."""
    channels, *sides = shape
    them = "points; blur points, with Noise(0.1)" if max(sides) == 1 else "lines of text; leave it out"
    require(min(sides) > 1, f"augmentation changes pictures, and these are {them}")
    known = not colours or channels in (1, 3, 4)
    require(known, f"the colours of 1, 3 or 4 channels can be changed, not of {channels}; leave the c out of the pipe, "
            "or color out of the policy")  # fmt: skip


def ada_augment(x: Tensor, p: float | Tensor, pipe: str) -> Tensor:
    """The pictures x (n, c, h, w) after the groups named in `pipe`; b: blitting, g: geometry, c: colour.

    p is how likely each change is; at 0 the pictures are what they were, to the bit. Mistake for points.
    """
    check_pictures(x.shape[1:], "c" in pipe)
    with full_precision(x):  # a matrix in bfloat16 would be off by pixels
        if "b" in pipe or "g" in pipe:
            source, touched = source_matrices(x, p, pipe)
            x = torch.where(touched[:, None, None, None], warp_images(x, source), x)
        return apply_colour(x, p) if "c" in pipe else x


class ImageDraws:
    """What is drawn for the pictures x, (n,) at a time; the same for all parts of a batch together."""

    def __init__(self, x: Tensor, p: float | Tensor) -> None:
        self.row = x.new_empty(len(x))
        self.p = p if isinstance(p, Tensor) else x.new_full((), p)

    def uniform(self, low: float, high: float) -> Tensor:
        return low + (high - low) * draw_rows(torch.rand, self.row)

    def normal(self, std: float) -> Tensor:
        return std * draw_rows(torch.randn, self.row)

    def hit(self, p: Tensor | None = None) -> Tensor:
        """Which pictures a change is made to, (n,) bool."""
        return draw_rows(torch.rand, self.row) < (self.p if p is None else p)


def source_matrices(x: Tensor, p: float | Tensor, pipe: str) -> tuple[Tensor, Tensor]:
    """Where the pixels of each picture come from, (n, 3, 3), and which pictures are changed at all, (n,)."""
    dice = ImageDraws(x, p)
    changes = [
        *(blit_changes(dice, x.shape[2:]) if "b" in pipe else ()),
        *(geometry_changes(dice, x.shape[2:]) if "g" in pipe else ()),
    ]
    source = torch.eye(3, dtype=x.dtype, device=x.device).expand(len(x), 3, 3)
    touched = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    for hit, matrix in changes:
        source = torch.where(hit[:, None, None], source @ matrix, source)
        touched = touched | hit
    return source, touched


ImageChange = tuple[Tensor, Tensor]  # which pictures, (n,) bool; where their pixels come from, (n, 3, 3)


def blit_changes(dice: ImageDraws, sides: Sequence[int]) -> list[ImageChange]:
    """Pixels go whole to other places: mirrored, by quarters of a turn, by whole pixels."""
    height, width = sides
    flip = 1 - 2 * dice.uniform(0, 2).floor()
    quarter = dice.uniform(0, 4).floor() * (math.pi / 2)
    shift = translation_matrix(*((dice.uniform(-SHIFT, SHIFT) * side).round() for side in (width, height)))
    return [
        (dice.hit(), scale_matrix(flip, torch.ones_like(flip))),
        (dice.hit(), rotation_matrix(quarter)),
        (dice.hit(), shift),
    ]


def geometry_changes(dice: ImageDraws, sides: Sequence[int]) -> list[ImageChange]:
    """Larger, turned, longer, turned again, moved. All laws are symmetric: a change is as likely as its inverse."""
    height, width = sides
    size, length = dice.normal(STRETCH).exp(), dice.normal(STRETCH).exp()
    turn = 1 - (1 - dice.p).sqrt()  # of one of the two turns, so that any is as likely as p
    first, second = (rotation_matrix(dice.uniform(-math.pi, math.pi)) for _ in range(2))
    shift = translation_matrix(dice.normal(SHIFT * width), dice.normal(SHIFT * height))
    return [
        (dice.hit(), scale_matrix(size, size)),
        (dice.hit(turn), first),
        (dice.hit(), scale_matrix(length, 1 / length)),
        (dice.hit(turn), second),
        (dice.hit(), shift),
    ]


def apply_colour(x: Tensor, p: float | Tensor) -> Tensor:
    """Brightness, contrast, light for dark, hue and saturation; of grey pictures what is left of them in grey."""
    matrix = colour_matrix(ImageDraws(x, p))
    if x.shape[1] == 1:  # grey lifted to colour, changed, and brought back as the mean
        gain, more = matrix[:, :3, :3].sum((1, 2)) / 3, matrix[:, :3, 3].mean(1)
        return x * gain[:, None, None, None] + more[:, None, None, None]
    changed = torch.einsum("nij,njhw->nihw", matrix[:, :3, :3], x[:, :3]) + matrix[:, :3, 3, None, None]
    return torch.cat([changed, x[:, 3:]], 1)  # transparency is no colour


def colour_matrix(dice: ImageDraws) -> Tensor:
    """One matrix for each picture, (n, 4, 4), on red, green, blue and 1."""
    eye = torch.eye(4, dtype=dice.row.dtype, device=dice.row.device)
    colour, one = torch.diag(1 - eye[3]), eye[3]
    grey = torch.outer(1 - one, 1 - one) / 3  # onto the line from black to white
    chroma = colour - grey
    flip, angle = dice.uniform(0, 2).floor(), dice.uniform(-math.pi, math.pi)
    changes = (
        along_direction(dice.normal(BRIGHTNESS), torch.outer(1 - one, one)),
        along_direction(dice.normal(CONTRAST).exp() - 1, colour),
        along_direction(-2 * flip, grey),
        along_direction(angle.sin(), cross_product_matrix(grey))
        + along_direction(angle.cos() - 1, chroma),  # Rodrigues' formula, about grey
        along_direction(dice.normal(SATURATION).exp() - 1, chroma),
    )
    matrix = eye.expand(len(dice.row), 4, 4)
    for change in changes:
        matrix = torch.where(dice.hit()[:, None, None], (eye + change) @ matrix, matrix)
    return matrix


def along_direction(amount: Tensor, direction: Tensor) -> Tensor:
    return amount[:, None, None] * direction


def cross_product_matrix(grey: Tensor) -> Tensor:
    """The cross product with the unit vector of grey, (4, 4)."""
    cross = torch.zeros_like(grey)
    for row, column in ((0, 1), (1, 2), (2, 0)):
        cross[row, column], cross[column, row] = -(3**-0.5), 3**-0.5
    return cross
