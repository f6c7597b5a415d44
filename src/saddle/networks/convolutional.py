"""DCGAN: strided convolutions where others pool. Radford, Metz & Chintala 2016."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import nn

from ..core import Shape
from ..layers.ends import FromOne, ToOne
from ..layers.initial import gaussian
from .ends import Critic, Generator, counts, power, takes

SMALLEST = 16


@dataclass(frozen=True)
class Convolutional:
    """Kernels of 4x4, for square images whose side is a power of two: the widely used form of DCGAN."""

    latent: int = 100  # numbers the generator starts from
    width: int = 64  # channels next to the image, doubled wherever the image is halved
    normal: bool = True  # batch normalisation in the critic, or biases where its slopes are penalised

    def __post_init__(self) -> None:
        counts(self, "latent", "width")

    def generator(self, data: Shape) -> Generator:
        widths = self.widths(data)[::-1]
        first = gaussian(FromOne(self.latent, widths[0], 4, bias=False))
        layers = [nn.Unflatten(1, (self.latent, 1, 1)), first, *rectified(widths[0])]
        for a, b in pairwise(widths):
            layers += [double(a, b), *rectified(b)]
        return Generator(*layers, double(widths[-1], data.channels), nn.Tanh())

    def critic(self, data: Shape) -> Critic:
        widths = self.widths(data)
        trunk = [self.halve(data.channels, widths[0]), leaky()]
        for a, b in pairwise(widths):
            trunk += [self.halve(a, b), *([batch_norm(b)] if self.normal else []), leaky()]
        return Critic(nn.Sequential(*trunk), gaussian(ToOne(widths[-1], 1, 4, bias=not self.normal)))

    def halve(self, inputs: int, outputs: int) -> nn.Conv2d:
        return gaussian(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=not self.normal))

    def widths(self, data: Shape) -> list[int]:
        """Channels at half the image's size, at a quarter, ... down to 4x4."""
        side = data.height
        fits = data.width == side >= SMALLEST and side.bit_count() == 1
        what = f"square images whose side is a power of two from {SMALLEST} up"
        takes(fits, self, data, what, f"give {proposal(min(data.height, data.width))}")
        return [self.width << level for level in range((side // 4).bit_length() - 1)]


def proposal(side: int) -> str:
    """The option that makes images of this side fit."""
    return f"--size {power(side, SMALLEST)}" + (", or take the recipe dcgan-28 or wgan-gp-mnist" if side == 28 else "")


@dataclass(frozen=True)
class AllConvolutional28:
    """For 28x28 pixels without padding: 3, 9, 21, 64 and 28 pixels up, 13, 6, 3 and 1 down; no pooling.

    The critic's last layer sees all of its 3x3 input, which makes it a dense one by another name.
    """

    latent: int = 100  # numbers the generator starts from
    width: int = 64  # channels next to the image, doubled at each further step

    def __post_init__(self) -> None:
        counts(self, "latent", "width")

    def generator(self, data: Shape) -> Generator:
        self.check(data)
        w, layers = self.width, []
        steps = (self.latent, 8 * w, 3, 1), (8 * w, 4 * w, 3, 3), (4 * w, 2 * w, 5, 2), (2 * w, w, 4, 3)
        for a, b, kernel, stride in steps:
            layers += [gaussian(nn.ConvTranspose2d(a, b, kernel, stride, bias=False)), batch_norm(b), leaky()]
        last = gaussian(nn.Conv2d(w, data.channels, 9, 2))
        return Generator(nn.Unflatten(1, (self.latent, 1, 1)), *layers, last, nn.Tanh())

    def critic(self, data: Shape) -> Critic:
        self.check(data)
        w = self.width
        trunk = [gaussian(nn.Conv2d(data.channels, w, 3, 2)), leaky()]
        for a, b, kernel in ((w, 2 * w, 3), (2 * w, 4 * w, 2)):
            trunk += [gaussian(nn.Conv2d(a, b, kernel, 2, bias=False)), batch_norm(b), leaky()]
        return Critic(nn.Sequential(*trunk), gaussian(ToOne(4 * w, 1, 3)))

    def check(self, data: Shape) -> None:
        takes(data[1:3] == (28, 28), self, data, "28x28 pixels", "give --size 28")


def double(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return gaussian(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False))


def rectified(width: int) -> tuple[nn.Module, nn.Module]:
    return batch_norm(width), nn.ReLU(inplace=True)


def batch_norm(width: int) -> nn.BatchNorm2d:
    return gaussian(nn.BatchNorm2d(width), mean=1.0)


def leaky() -> nn.LeakyReLU:
    # in place is safe after a convolution or a normalisation: neither needs its own output again
    return nn.LeakyReLU(0.2, inplace=True)
