"""Images that need no files: a bright disc on dark ground."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from ..batches import Images
from ..shape import Shape

DISC_SIDE = 16
DISC_SHAPE = Shape(1, DISC_SIDE, DISC_SIDE)


def sample_discs(n: int) -> Tensor:
    """n images (n, 1, SIDE, SIDE) in [-1, 1]: radius 2 to 5 pixels, all of it inside, a soft edge."""
    radius = 2 + 3 * torch.rand(n, 1, 1)
    x, y = (radius + (DISC_SIDE - 1 - 2 * radius) * torch.rand(2, n, 1, 1)).unbind()
    ticks = torch.arange(float(DISC_SIDE))
    distance = torch.hypot(ticks - x, ticks[:, None] - y)
    return torch.tanh(2 * (radius - distance)).unsqueeze(1)


def disc_batches(n: int) -> Iterator[Images]:
    while True:
        yield Images(sample_discs(n))
