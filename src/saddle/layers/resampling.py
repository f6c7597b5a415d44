"""Twice and half the size by a short filter, which neither copies nor drops pixels."""

from __future__ import annotations

from math import comb

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, conv_transpose2d, interpolate


class BinomialFilter(nn.Module):
    """Binomial numbers in both directions, of sum one: 1 3 3 1, which is 1 2 1 between twice as many places."""

    taps: Tensor

    def __init__(self, order: int = 3) -> None:
        super().__init__()
        line = torch.tensor([float(comb(order, k)) for k in range(order + 1)]) / 2**order
        self.register_buffer("taps", torch.outer(line, line)[None, None], persistent=False)

    def over(self, x: Tensor) -> Tensor:
        """The filter's taps, once for each channel of x."""
        return self.taps.to(x.dtype).expand(x.shape[1], -1, -1, -1)


class Upsample(BinomialFilter):
    """Twice the height and width; beyond the borders there are zeros."""

    def forward(self, x: Tensor) -> Tensor:
        return conv_transpose2d(x, 4 * self.over(x), stride=2, padding=1, groups=x.shape[1])


class Downsample(BinomialFilter):
    """Half the height and width; beyond the borders there are zeros."""

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.over(x), stride=2, padding=1, groups=x.shape[1])


class Blur(BinomialFilter):
    """The filter at every place, with so many zeros beyond each border: 3 - 2 padding fewer in height and width.

    Before a convolution of stride 2, or after a transposed one, which leaves zeros between numbers, hence the gain.
    """

    def __init__(self, padding: int, gain: float = 1.0) -> None:
        super().__init__()
        self.padding, self.gain = padding, gain

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.gain * self.over(x), padding=self.padding, groups=x.shape[1])


class TriangleBlur(BinomialFilter):
    """The filter 1 2 1 at every place; beyond the borders there are zeros."""

    def __init__(self) -> None:
        super().__init__(order=2)

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.over(x), padding=1, groups=x.shape[1])


def double(x: Tensor) -> Tensor:
    """Twice the height and width: every pixel four times."""
    return interpolate(x, scale_factor=2)


def halve(x: Tensor) -> Tensor:
    """Half the height and width: means of four pixels, a quarter of the transpose of doubling."""
    return avg_pool2d(x, 2)


class GlobalSumPool(nn.Module):
    """The sum over all places, (n, channels, height, width) -> (n, channels)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum((2, 3))
