"""ALI's networks for 32x32 pixels, without padding: 28, 13, 10, 4 and 1 pixels down, and the same up."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..layers.init import AnyLinear, normal_init
from ..shape import Shape
from .base import Generator, require_counts, require_shape
from .bigan import PairCritic, check_share
from .dcgan import batch_norm

STEPS = (5, 1, 1), (4, 2, 2), (4, 1, 4), (4, 2, 8), (4, 1, 16)  # kernel, stride, channels in units of the width


class ChannelMaxout(nn.Module):
    """The larger of two maps each, (n, 2 c, height, width) -> (n, c, height, width)."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.maximum(*x.chunk(2, dim=1))


@dataclass(frozen=True)
class MaxoutBidirectional:
    """The table for CIFAR-10: batch normalisation in encoder and generator alone. Dumoulin et al. 2017.

    Theirs ends in a sigmoid for images in [0, 1]; ours in tanh, since images are in [-1, 1].
    """

    latent: int = 64  # numbers of a code
    width: int = 32  # channels next to the image, 16 times as many at one pixel
    hidden: int = 1024  # units that read image and code together, and half as many that read the code
    dropout_input: float = 0.2  # share of the critic's pixels, and of the code's numbers, left out
    dropout: float = 0.5  # share of the critic's hidden units left out

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "hidden")
        check_share(self, "dropout_input", "dropout")

    def encoder(self, data: Shape, numbers: int = 1) -> nn.Module:
        self.check(data)
        layers, channels, last = [], data.channels, 16 * self.width
        for kernel, stride, units in (*STEPS, (1, 1, 16)):
            layers += normal_leaky(nn.Conv2d(channels, units * self.width, kernel, stride, bias=False))
            channels = units * self.width
        return nn.Sequential(*layers, small_init(nn.Conv2d(last, numbers * self.latent, 1)), nn.Flatten())

    def generator(self, data: Shape) -> Generator:
        self.check(data)
        layers: list[nn.Module] = [nn.Unflatten(1, (self.latent, 1, 1))]
        channels = self.latent
        for (kernel, stride, _), units in zip(STEPS[::-1], (8, 4, 2, 1, 1), strict=True):
            layers += normal_leaky(nn.ConvTranspose2d(channels, units * self.width, kernel, stride, bias=False))
            channels = units * self.width
        layers += normal_leaky(nn.Conv2d(channels, self.width, 1, bias=False))
        return Generator(*layers, small_init(nn.Conv2d(self.width, data.channels, 1)), nn.Tanh())

    def critic(self, data: Shape) -> PairCritic:
        self.check(data)
        seen: list[nn.Module] = []
        channels = data.channels
        for place, (kernel, stride, units) in enumerate(STEPS):
            drop, conv = self.drop(place), nn.Conv2d(channels, 2 * units * self.width, kernel, stride)
            seen += [drop, small_init(conv), ChannelMaxout()]
            channels = units * self.width
        half = self.hidden // 2 or 1
        of_code = nn.Sequential(*self.join(self.latent, half, 0), *self.join(half, half, 1))
        trunk = nn.Sequential(*self.join(channels + half, self.hidden, 1), *self.join(self.hidden, self.hidden, 1))
        head = nn.Sequential(self.drop(1), small_init(nn.Linear(self.hidden, 1)))
        return PairCritic(nn.Sequential(*seen, nn.Flatten()), of_code, trunk, head)

    def join(self, inputs: int, outputs: int, place: int) -> list[nn.Module]:
        """A maxout layer of dense units; the first of a network leaves out fewer of its inputs."""
        return [self.drop(place), small_init(nn.Linear(inputs, 2 * outputs)), ChannelMaxout()]

    def drop(self, place: int) -> nn.Dropout:
        return nn.Dropout(self.dropout if place else self.dropout_input)

    def check(self, data: Shape) -> None:
        require_shape(data[1:3] == (32, 32), self, data, "32x32 pixels", "give --size 32, or --networks "
                      '"Bidirectional()", which takes other sizes')  # fmt: skip


def normal_leaky(layer: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    return [small_init(layer), batch_norm(layer.out_channels), nn.LeakyReLU(0.1, inplace=True)]


def small_init(layer: AnyLinear) -> AnyLinear:
    return normal_init(layer, 0.01)
