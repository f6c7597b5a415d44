"""Residual blocks of WGAN-GP, the activation before the convolution. Gulrajani et al. 2017.

The authors double before and halve after each one-pixel convolution of a skip; the other order gives the same function,
since both only copy or average what such a convolution treats alike, for a quarter of the work.
"""

from __future__ import annotations

from torch import Tensor, nn

from .initial import glorot, he


class Residual(nn.Module):
    """main(x) + skip(x). Neither may change x in place, for the other reads it too."""

    def __init__(self, main: nn.Module, skip: nn.Module) -> None:
        super().__init__()
        self.main, self.skip = main, skip

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.main(x) + self.skip(x)
        return out


def doubling(width: int) -> Residual:
    """Twice the height and width, with batch normalisation: a generator's block."""
    before, between = ((nn.BatchNorm2d(width), nn.ReLU(inplace=True)) for _ in range(2))
    main = nn.Sequential(*before, nn.Upsample(scale_factor=2), three(width, width), *between, three(width, width))
    return Residual(main, nn.Sequential(one(width, width), nn.Upsample(scale_factor=2)))


def halving(inputs: int, width: int, first: bool = False) -> Residual:
    """Half the height and width: a critic's block; the first one takes pixels, which no ReLU may cut."""
    before = () if first else (nn.ReLU(),)
    main = nn.Sequential(*before, three(inputs, width), nn.ReLU(inplace=True), three(width, width), nn.AvgPool2d(2))
    return Residual(main, nn.Sequential(nn.AvgPool2d(2), one(inputs, width)))


def plain(width: int) -> Residual:
    """The same size, the skip untouched."""
    main = nn.Sequential(nn.ReLU(), three(width, width), nn.ReLU(inplace=True), three(width, width))
    return Residual(main, nn.Identity())


def three(inputs: int, outputs: int) -> nn.Conv2d:
    return he(nn.Conv2d(inputs, outputs, 3, padding=1))


def one(inputs: int, outputs: int) -> nn.Conv2d:
    return glorot(nn.Conv2d(inputs, outputs, 1))
