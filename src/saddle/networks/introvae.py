"""IntroVAE's networks: residual blocks under batch normalisation, halved by means and doubled by copies."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from torch import nn

from ..errors import require
from ..layers.residual import ResidualBlock
from ..shape import Shape
from .autoencoder import Encoder
from .base import Generator, Pyramid, image_pyramid, require_counts
from .dcgan import leaky_relu


@dataclass(frozen=True)
class ResidualAutoencoder:
    """Those for CelebA-HQ at 256 pixels; width=16 has those at 1024. Huang et al. 2018, the authors' code.

    Sides are halved until the shorter has 4 to 7 pixels, so 28 and 32 pixels go too. Nothing bounds what is made: the
    last layer is a convolution. Weights begin as torch has it.
    """

    latent: int = 512  # numbers of a code
    width: int = 32  # channels next to the image, doubled wherever the image is halved
    widest: int = 512  # channels at most

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "widest")

    def encoder(self, data: Shape, numbers: int = 1) -> Encoder:
        start, widths = self.pyramid(data).start, self.widths(data)
        first = nn.Conv2d(data.channels, widths[0], 5, padding=2, bias=False)
        layers = [first, nn.BatchNorm2d(widths[0]), leaky_relu(), nn.AvgPool2d(2)]
        for a, b in pairwise(widths):
            layers += [residual_block(a, b), nn.AvgPool2d(2)]
        last = nn.Linear(widths[-1] * prod(start), numbers * self.latent)
        return Encoder(*layers, residual_block(widths[-1], widths[-1]), nn.Flatten(), last)

    def generator(self, data: Shape) -> Generator:
        start, widths = self.pyramid(data).start, self.widths(data)[::-1]
        first = nn.Linear(self.latent, widths[0] * prod(start))
        layers: list[nn.Module] = [first, nn.ReLU(inplace=True), nn.Unflatten(1, (widths[0], *start))]
        for a, b in pairwise((widths[0], *widths)):
            layers += [residual_block(a, b), nn.Upsample(scale_factor=2)]
        last = nn.Conv2d(widths[-1], data.channels, 5, padding=2)
        return Generator(*layers, residual_block(widths[-1], widths[-1]), last)

    def widths(self, data: Shape) -> list[int]:
        """Channels of the blocks behind the image's halvings, from the largest map to the smallest."""
        return [min(self.width << level, self.widest) for level in range(self.pyramid(data).steps)]

    def pyramid(self, data: Shape) -> Pyramid:
        require(not data.points, 'ResidualAutoencoder takes pictures, not points; give --networks '
                '"DenseAutoencoder(2)", or take the recipe soft-introvae-toy')  # fmt: skip
        return image_pyramid(self, data)


def residual_block(inputs: int, outputs: int) -> nn.Module:
    """The same height and width: the sum of main and skip is normalised, and then rectified.

    The skip has a convolution only where the widths differ. (In the authors' code, widths that came from the command
    line always seemed to: `is not` was asked of two integers.)
    """
    main = nn.Sequential(conv3(inputs, outputs), nn.BatchNorm2d(outputs), leaky_relu(), conv3(outputs, outputs))
    skip = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1, bias=False)
    return nn.Sequential(ResidualBlock(main, skip), nn.BatchNorm2d(outputs), leaky_relu())


def conv3(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
