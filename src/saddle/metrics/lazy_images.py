"""Images that are looked at a few at a time, so that their number and size take no memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

MAX_IMAGES_AT_ONCE, MAX_PIXELS_AT_ONCE = (
    256,
    1 << 20,
)  # images at once, and pixels of them: at 64 a side so many, fewer of larger ones


class LazyImages(Protocol):
    """Images (n, c, h, w), read as they are asked for: a tensor is one."""

    @property
    def shape(self) -> Sequence[int]: ...

    def __getitem__(self, rows: Tensor) -> Tensor: ...


def images_at_once(height: int, width: int) -> int:
    """How many images of that size are held at once."""
    return max(1, min(MAX_IMAGES_AT_ONCE, MAX_PIXELS_AT_ONCE // (height * width)))


def index_blocks(pile: LazyImages) -> Sequence[Tensor]:
    """The numbers of all its images, so many at once as are held."""
    n, _, height, width = pile.shape
    return torch.split(torch.arange(n), images_at_once(height, width))
