"""Residual blocks of WGAN-GP, the activation before the convolution. Gulrajani et al. 2017.

The authors double before and halve after each one-pixel convolution of a skip; the other order gives the same function,
since both only copy or average what such a convolution treats alike, for a quarter of the work.
"""

from __future__ import annotations

from torch import Tensor, nn

from .init import glorot_uniform, he_uniform


class ResidualBlock(nn.Module):
    """main(x) + skip(x). Neither may change x in place, for the other reads it too."""

    def __init__(self, main: nn.Module, skip: nn.Module) -> None:
        super().__init__()
        self.main, self.skip = main, skip

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.main(x) + self.skip(x)
        return out


def up_block(inputs: int, width: int) -> ResidualBlock:
    """Twice the height and width, with batch normalisation: a generator's block."""
    before, between = ((nn.BatchNorm2d(n), nn.ReLU(inplace=True)) for n in (inputs, width))
    main = nn.Sequential(*before, nn.Upsample(scale_factor=2), conv3(inputs, width), *between, conv3(width, width))
    return ResidualBlock(main, nn.Sequential(conv1(inputs, width), nn.Upsample(scale_factor=2)))


def down_block(inputs: int, width: int, first: bool = False) -> ResidualBlock:
    """Half the height and width: a critic's block; the first one takes pixels, which no ReLU may cut."""
    before = () if first else (nn.ReLU(),)
    main = nn.Sequential(*before, conv3(inputs, width), nn.ReLU(inplace=True), conv3(width, width), nn.AvgPool2d(2))
    return ResidualBlock(main, nn.Sequential(nn.AvgPool2d(2), conv1(inputs, width)))


def same_block(width: int, inputs: int | None = None) -> ResidualBlock:
    """The same height and width, the skip untouched where there are as many inputs."""
    inputs = width if inputs is None else inputs
    main = nn.Sequential(nn.ReLU(), conv3(inputs, width), nn.ReLU(inplace=True), conv3(width, width))
    return ResidualBlock(main, nn.Identity() if inputs == width else conv1(inputs, width))


def conv3(inputs: int, outputs: int) -> nn.Conv2d:
    return he_uniform(nn.Conv2d(inputs, outputs, 3, padding=1))


def conv1(inputs: int, outputs: int) -> nn.Conv2d:
    return glorot_uniform(nn.Conv2d(inputs, outputs, 1))
