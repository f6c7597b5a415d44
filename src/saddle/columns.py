"""Rows of a column: from how they are stored to what a game plays with, made up, and as pictures."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import require
from .shape import Classes, Codes, Column, Picture, Text


def scale_rows(rows: Tensor, column: Column) -> Tensor:
    """Rows as they are stored, as a game plays with them: pixels in [-1, 1], averaged down to the column's size."""
    if not isinstance(column, Picture):
        return rows.float() if isinstance(column, Codes) else rows.long()
    image, size = to_float_images(rows), (column.shape.height, column.shape.width)
    return image if image.shape[2:] == size else F.adaptive_avg_pool2d(image, size)


def to_float_images(image: Tensor) -> Tensor:
    """Bytes as float32 in [-1, 1]; points are left as they are."""
    return image.float().div_(127.5).sub_(1) if image.dtype == torch.uint8 else image


def row_shape(column: Column) -> tuple[int, ...]:
    """The shape of one row of a column."""
    match column:
        case Picture(shape):
            return shape[:3]
        case Classes():
            return ()
        case Text(length):
            return (length,)
        case Codes(size):
            return (size,)


def random_column(column: Column, n: int, device: torch.device) -> Tensor:
    """n rows that nobody has seen: to try whether a game can be played with such."""
    match column:
        case Picture(shape):
            image = 2 * torch.rand(n, *shape[:3], device=device) - 1
            return image.contiguous(memory_format=torch.channels_last)
        case Classes(classes):
            return torch.arange(n, device=device) % classes
        case Text(length, vocabulary):
            return torch.arange(n * length, device=device).view(n, length) % vocabulary
        case Codes(size):
            return torch.randn(n, size, device=device)


def check_downscale(stored: Column | None, played: Column) -> None:
    """Refuse what rows of one column cannot be made into: only pictures change, which are averaged down."""
    fits = stored == played
    if isinstance(stored, Picture) and isinstance(played, Picture):
        data, shape = stored.shape, played.shape
        fits = shape.channels == data.channels and shape.height <= data.height and shape.width <= data.width
    require(fits, f"samples of {stored} cannot be averaged down to {played}")
