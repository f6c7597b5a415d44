"""The networks of VAE-GAN: kernels of 5x5, three halvings of the image, batch normalisation in all three."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod, sqrt

from torch import nn

from ..errors import require
from ..image_size import ImageSize
from ..layers.init import AnyLinear, fan_in_and_out, uniform_init
from ..shape import Shape
from .base import Critic, Generator, divides, require_counts, require_shape

HALVED = 8  # by how much a side is smaller on the smallest map


@dataclass(frozen=True)
class ConvolutionalVAEGAN:
    """Larsen et al. 2016, as their code has them for 64 pixels, where 64 are halved to 8; other sides follow.

    The critic's features are what its last convolution gives, before it is normalised: the layer that they compare
    copies by. Layers before a normalisation have no biases.
    """

    latent: int = 128  # numbers of a code
    width: int = 32  # channels next to the image in generator and critic; the encoder has twice as many
    hidden: int = 512  # units of the critic's dense layer; the encoder's has twice as many

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "hidden")

    def encoder(self, data: Shape, numbers: int = 1) -> nn.Module:
        w, units = self.width, 2 * self.hidden
        down = [part for a, b in pairwise((data.channels, 2 * w, 4 * w, 8 * w)) for part in halve(a, b)]
        dense = hide(8 * w * prod(self.start(data)), units)
        return nn.Sequential(*down, nn.Flatten(), *dense, init(nn.Linear(units, numbers * self.latent)))

    def generator(self, data: Shape) -> Generator:
        w, start = self.width, self.start(data)
        layers = [*hide(self.latent, 8 * w * prod(start)), nn.Unflatten(1, (8 * w, *start))]
        for a, b in pairwise((8 * w, 8 * w, 4 * w, w)):
            layers += rectify(init(nn.ConvTranspose2d(a, b, 5, 2, 2, output_padding=1, bias=False)))
        return Generator(*layers, init(nn.Conv2d(w, data.channels, 5, 1, 2)), nn.Tanh())

    def critic(self, data: Shape) -> Critic:
        w, units = self.width, self.hidden
        first = init(nn.Conv2d(data.channels, w, 5, 1, 2)), nn.ReLU(inplace=True)
        compared, *rest = halve(8 * w, 8 * w)
        trunk = nn.Sequential(*first, *halve(w, 4 * w), *halve(4 * w, 8 * w), compared)
        dense = hide(8 * w * prod(self.start(data)), units)
        return Critic(trunk, nn.Sequential(*rest, nn.Flatten(), *dense, init(nn.Linear(units, 1))))

    def start(self, data: Shape) -> ImageSize:
        """The smallest map; refused where the sides cannot be halved three times."""
        require(not data.points, "ConvolutionalVAEGAN takes pictures, not points; give --data glyphs, or take the "
                "recipe vae-toy")  # fmt: skip
        size = ImageSize(*data[1:3])
        near = ImageSize(*(HALVED * max(-(-side // HALVED), 2) for side in size))
        require_shape(divides(HALVED, size), self, data, f"images whose sides are multiples of {HALVED} pixels",
                      f"give --size {near.option}")  # fmt: skip
        return ImageSize(size.height // HALVED, size.width // HALVED)


def halve(inputs: int, outputs: int) -> list[nn.Module]:
    return rectify(init(nn.Conv2d(inputs, outputs, 5, 2, 2, bias=False)))


def rectify(layer: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    return [layer, nn.BatchNorm2d(layer.out_channels), nn.ReLU(inplace=True)]


def hide(inputs: int, outputs: int) -> list[nn.Module]:
    return [init(nn.Linear(inputs, outputs, bias=False)), nn.BatchNorm1d(outputs), nn.ReLU(inplace=True)]


def init(layer: AnyLinear) -> AnyLinear:
    """Uniform with variance 1 / (9 inputs), as the authors' code has it."""
    return uniform_init(layer, 1 / sqrt(3 * fan_in_and_out(layer)[0]))
