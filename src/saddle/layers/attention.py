"""Self-attention between the places of an image. Zhang et al. 2018 (SAGAN)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from .init import glorot_uniform
from .spectral import add_spectral_norm


class SelfAttention(nn.Module):
    """Each place adds what it finds at others, (n, width, height, width'), equations 1 to 3; at first, nothing.

    Keys and values are of every 2x2 places together, which is in the released code and not in the first preprint, and
    all four projections are spectrally normalised. Written out, since fused attention cannot be differentiated twice.
    """

    def __init__(self, width: int, init: Callable[[nn.Conv2d], nn.Conv2d] = glorot_uniform) -> None:
        super().__init__()
        narrow, half = max(width // 8, 1), max(width // 2, 1)
        sizes = (width, narrow), (width, narrow), (width, half), (half, width)
        self.query, self.key, self.value, self.out = (projection_conv(*size, init) for size in sizes)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        q = self.query(x).flatten(2)
        k, v = (max_pool2d(project(x), 2).flatten(2) for project in (self.key, self.value))
        attention = (q.transpose(1, 2) @ k).softmax(2)  # (n, places, pooled places): each row adds to one
        found = (v @ attention.transpose(1, 2)).unflatten(2, x.shape[2:])
        out: Tensor = x + self.gamma * self.out(found)
        return out


def projection_conv(inputs: int, outputs: int,
                    init: Callable[[nn.Conv2d], nn.Conv2d] = glorot_uniform) -> nn.Conv2d:  # fmt: skip
    return add_spectral_norm(init(nn.Conv2d(inputs, outputs, 1, bias=False)))
