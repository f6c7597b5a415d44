"""Images that are looked at a few at a time, so that their number and size take no memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

BATCH, PIXELS = 256, 1 << 20  # images at once, and pixels of them: at 64 a side so many, fewer of larger ones


class Pile(Protocol):
    """Images (n, c, h, w), read as they are asked for: a tensor is one."""

    @property
    def shape(self) -> Sequence[int]: ...

    def __getitem__(self, rows: Tensor) -> Tensor: ...


def few(height: int, width: int) -> int:
    """How many images of that size are held at once."""
    return max(1, min(BATCH, PIXELS // (height * width)))


def parts(pile: Pile) -> Sequence[Tensor]:
    """The numbers of all its images, so many at once as are held."""
    n, _, height, width = pile.shape
    return torch.split(torch.arange(n), few(height, width))
