"""An autoencoder whose code is a small map: what is near in the image is near in the code."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from torch import nn

from ..layers.init import glorot_uniform, he_uniform
from ..layers.residual import conv3
from ..recipe import EncoderNetworks
from ..shape import Shape
from .autoencoder import Decoder, Encoder
from .base import require_counts, require_multiples
from .dcgan import leaky_relu


@dataclass(frozen=True)
class SpatialAutoencoder:
    """Convolutions without normalisation, for images of any size that the halvings divide.

    The code is a map, handed on as a row of numbers like any other's: (n, latent * rows * columns). The same weights
    fit every size.
    """

    latent: int = 4  # numbers of a code at each place of its map
    halvings: int = 2  # of the sides of an image, down to those of its code
    width: int = 32  # channels next to the image, doubled wherever the image is halved

    def __post_init__(self) -> None:
        require_counts(self, "latent", "halvings", "width")

    def encoder(self, data: Shape, numbers: int = 1) -> Encoder:
        self.code(data)
        widths = self.widths()
        layers: list[nn.Module] = [conv3(data.channels, widths[0]), leaky_relu()]
        for a, b in pairwise(widths):
            layers += [he_uniform(nn.Conv2d(a, b, 4, 2, 1)), leaky_relu()]
        layers += [conv3(widths[-1], widths[-1]), leaky_relu()]
        return Encoder(*layers, glorot_uniform(nn.Conv2d(widths[-1], numbers * self.latent, 3, 1, 1)), nn.Flatten())

    def generator(self, data: Shape) -> Decoder:
        widths = self.widths()[::-1]
        layers: list[nn.Module] = [nn.Unflatten(1, self.code(data)[:3])]
        layers += [conv3(self.latent, widths[0]), leaky_relu()]
        layers += [conv3(widths[0], widths[0]), leaky_relu()]
        for a, b in pairwise(widths):
            layers += [he_uniform(nn.ConvTranspose2d(a, b, 4, 2, 1)), leaky_relu()]
        return Decoder(
            nn.Sequential(*layers, glorot_uniform(nn.Conv2d(widths[-1], data.channels, 3, 1, 1))), data.points
        )

    def code(self, data: Shape) -> Shape:
        """The shape of the code of such an image, told what the image is."""
        unit = 1 << self.halvings
        require_multiples(self, data, unit)
        return data._replace(channels=self.latent, height=data.height // unit, width=data.width // unit)

    def widths(self) -> list[int]:
        """Channels at the image's size, at half of it, ... down to the code's."""
        return [self.width << level for level in range(self.halvings + 1)]


def count_latents(pair: EncoderNetworks, data: Shape) -> int:
    """The numbers of a code of such data: of all places, where codes are maps."""
    return prod(pair.code(data)[:3]) if isinstance(pair, SpatialAutoencoder) else pair.latent
