"""The networks of WGAN-GP that follow DCGAN with kernels of 5x5."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from torch import nn

from ..image_size import ImageSize
from ..layers.init import glorot_uniform, he_uniform
from ..shape import Shape
from .base import Critic, Generator, require_counts, require_shape


@dataclass(frozen=True)
class Convolutional5:
    """Kernels of 5x5, three steps between 4x4 and the image, no batch normalisation in the critic.

    CIFAR-10's networks of Gulrajani et al. 2017; with width=64, normal_generator=False those for MNIST, written from
    memory. A step up from 4x4 to 7x7 leaves out the row and column that a step to 8x8 has at its end, as theirs does
    by cropping.
    """

    latent: int = 128  # numbers the generator starts from
    width: int = 128  # channels next to the image, doubled wherever the image is halved
    normal_generator: bool = True  # batch normalisation in the generator

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width")

    def generator(self, data: Shape) -> Generator:
        sizes, w = halved_sizes(self, data)[::-1], self.width
        wide = prod(sizes[0]) * 4 * w
        layers: list[nn.Module] = [glorot_uniform(nn.Linear(self.latent, wide))]
        layers += [*([nn.BatchNorm1d(wide)] if self.normal_generator else []), nn.ReLU(inplace=True)]
        layers += [nn.Unflatten(1, (4 * w, *sizes[0]))]
        steps = list(zip(pairwise((4 * w, 2 * w, w, data.channels)), pairwise(sizes), strict=True))
        for (a, b), (small, large) in steps[:-1]:
            norm = [nn.BatchNorm2d(b)] if self.normal_generator else []
            layers += [up_conv5(a, b, small, large), *norm, nn.ReLU(inplace=True)]
        (a, b), (small, large) = steps[-1]
        return Generator(*layers, up_conv5(a, b, small, large), nn.Tanh())

    def critic(self, data: Shape) -> Critic:
        flat = prod(halved_sizes(self, data)[-1]) * 4 * self.width
        trunk: list[nn.Module] = []
        for a, b in pairwise((data.channels, self.width, 2 * self.width, 4 * self.width)):
            trunk += [he_uniform(nn.Conv2d(a, b, 5, 2, 2)), nn.LeakyReLU(0.2, inplace=True)]
        return Critic(nn.Sequential(*trunk, nn.Flatten()), glorot_uniform(nn.Linear(flat, 1)))


def halved_sizes(pair: object, data: Shape) -> list[ImageSize]:
    """The image's size and its three halvings, halves rounded up; the shorter side of the last is 4."""
    sizes = [ImageSize(-(-data.height // 2**step), -(-data.width // 2**step)) for step in range(4)]
    longer = round(32 * max(data[1:3]) / max(min(data[1:3]), 1))
    near = ImageSize(*(32 if side == min(data[1:3]) else longer for side in data[1:3]))
    require_shape(min(sizes[-1]) == 4, pair, data, "images whose shorter side has 25 to 32 pixels",
                  f"give --size {near.option}")  # fmt: skip
    return sizes


def up_conv5(inputs: int, outputs: int, small: ImageSize, large: ImageSize) -> nn.ConvTranspose2d:
    rest = large.height - 2 * small.height + 1, large.width - 2 * small.width + 1
    return he_uniform(nn.ConvTranspose2d(inputs, outputs, 5, 2, 2, output_padding=rest))
