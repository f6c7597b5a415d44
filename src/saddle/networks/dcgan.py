"""DCGAN: strided convolutions where others pool. Radford, Metz & Chintala 2016."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import nn

from ..layers.init import normal_init
from ..layers.matmul_convs import GlobalConv, LatentConv
from ..shape import Shape
from .base import Critic, Generator, Pyramid, image_pyramid, require_counts, require_shape

MIN_HALVINGS = 2  # from 16 pixels to 4


@dataclass(frozen=True)
class Convolutional:
    """Kernels of 4x4, the sides halved until the shorter has 4 to 7 pixels: the widely used form of DCGAN."""

    latent: int = 100  # numbers the generator starts from
    width: int = 64  # channels next to the image, doubled wherever the image is halved
    normal: bool = True  # batch normalisation in the critic, or biases where its slopes are penalised
    widest: int = 0  # channels at most; 0: doubled down to the smallest map, however large the image

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", *["widest"] * (self.widest != 0))

    def generator(self, data: Shape) -> Generator:
        start, widths = self.pyramid(data).start, self.widths(data)[::-1]
        first = normal_init(LatentConv(self.latent, widths[0], start, bias=False))
        layers = [nn.Unflatten(1, (self.latent, 1, 1)), first, *batch_norm_relu(widths[0])]
        for a, b in pairwise(widths):
            layers += [up_conv(a, b), *batch_norm_relu(b)]
        return Generator(*layers, up_conv(widths[-1], data.channels), nn.Tanh())

    def critic(self, data: Shape) -> Critic:
        start, widths = self.pyramid(data).start, self.widths(data)
        trunk = [self.halve(data.channels, widths[0]), leaky_relu()]
        for a, b in pairwise(widths):
            trunk += [self.halve(a, b), *([batch_norm(b)] if self.normal else []), leaky_relu()]
        return Critic(nn.Sequential(*trunk), normal_init(GlobalConv(widths[-1], 1, start, bias=not self.normal)))

    def halve(self, inputs: int, outputs: int) -> nn.Conv2d:
        return normal_init(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=not self.normal))

    def widths(self, data: Shape) -> list[int]:
        """Channels at half the image's size, at a quarter, ... down to the smallest map."""
        every = [self.width << level for level in range(self.pyramid(data).steps)]
        return [min(width, max(self.widest, self.width)) for width in every] if self.widest else every

    def pyramid(self, data: Shape) -> Pyramid:
        return image_pyramid(self, data, MIN_HALVINGS)


@dataclass(frozen=True)
class AllConvolutional28:
    """For 28x28 pixels without padding: 3, 9, 21, 64 and 28 pixels up, 13, 6, 3 and 1 down; no pooling.

    The critic's last layer sees all of its 3x3 input, which makes it a dense one by another name.
    """

    latent: int = 100  # numbers the generator starts from
    width: int = 64  # channels next to the image, doubled at each further step

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width")

    def generator(self, data: Shape) -> Generator:
        self.check(data)
        w, layers = self.width, []
        steps = (self.latent, 8 * w, 3, 1), (8 * w, 4 * w, 3, 3), (4 * w, 2 * w, 5, 2), (2 * w, w, 4, 3)
        for a, b, kernel, stride in steps:
            layers += [normal_init(nn.ConvTranspose2d(a, b, kernel, stride, bias=False)), batch_norm(b), leaky_relu()]
        last = normal_init(nn.Conv2d(w, data.channels, 9, 2))
        return Generator(nn.Unflatten(1, (self.latent, 1, 1)), *layers, last, nn.Tanh())

    def critic(self, data: Shape) -> Critic:
        self.check(data)
        w = self.width
        trunk = [normal_init(nn.Conv2d(data.channels, w, 3, 2)), leaky_relu()]
        for a, b, kernel in ((w, 2 * w, 3), (2 * w, 4 * w, 2)):
            trunk += [normal_init(nn.Conv2d(a, b, kernel, 2, bias=False)), batch_norm(b), leaky_relu()]
        return Critic(nn.Sequential(*trunk), normal_init(GlobalConv(4 * w, 1, 3)))

    def check(self, data: Shape) -> None:
        require_shape(data[1:3] == (28, 28), self, data, "28x28 pixels", "give --size 28, or take the recipe dcgan")


def up_conv(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return normal_init(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False))


def batch_norm_relu(width: int) -> tuple[nn.Module, nn.Module]:
    return batch_norm(width), nn.ReLU(inplace=True)


def batch_norm(width: int) -> nn.BatchNorm2d:
    return normal_init(nn.BatchNorm2d(width), mean=1.0)


def leaky_relu() -> nn.LeakyReLU:
    # in place is safe after a convolution or a normalisation: neither needs its own output again
    return nn.LeakyReLU(0.2, inplace=True)
