"""R3GAN: plain residual networks with grouped convolutions, and no normalisation. Huang et al. 2024."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from math import prod, sqrt
from typing import TypeVar

import torch
from torch import Tensor, nn

from ..errors import require
from ..image_size import ImageSize
from ..layers.init import normal_init
from ..layers.resampling import Downsample, Upsample
from ..layers.residual import ResidualBlock
from ..shape import Shape
from .base import Critic, Generator, image_pyramid, require_counts

L = TypeVar("L", bound=nn.Linear | nn.Conv2d)
LEAKY_RELU_GAIN = sqrt(2 / 1.04)  # what a leaky rectifier of slope 0.2 takes away
FULL_WIDTH_DOUBLINGS = 3  # of the smallest map, of 4x4 to 32x32, up to which every stage is equally wide


@dataclass(frozen=True)
class GroupedResidual:
    """R3GAN's, for CIFAR-10 without labels, and by the same rule for larger images. Huang et al. 2024.

    Sides are halved until the shorter has 4 to 7 pixels. The generator ends without tanh. With width=96 and a fortieth
    of the weights it is a small pair for small data.
    """

    latent: int = 64  # numbers the generator starts from
    width: int = 768  # channels up to 32x32, halved wherever the image is doubled beyond
    blocks: int = 2  # residual blocks at each size
    expansion: int = 2  # how much wider a block is inside
    group: int = 16  # channels in one group inside a block

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "blocks", "expansion", "group")
        self.count_groups(self.width)

    def generator(self, data: Shape) -> Generator:
        start, widths = image_pyramid(self, data).start, self.widths(data)
        layers: list[nn.Module] = [LearnedConstant(self.latent, widths[0], start), *self.stage(widths, 0)]
        for i, (a, b) in enumerate(pairwise(widths), 1):
            layers += [*change_width(a, b), Upsample(), *self.stage(widths, i)]
        return Generator(*layers, init_fan_in(nn.Conv2d(widths[-1], data.channels, 1, bias=False)))

    def critic(self, data: Shape) -> Critic:
        widths = self.widths(data)
        trunk: list[nn.Module] = [init_fan_in(nn.Conv2d(data.channels, widths[-1], 1, bias=False))]
        for i, (b, a) in reversed(list(enumerate(pairwise(widths), 1))):
            trunk += [*self.stage(widths, i), Downsample(), *change_width(a, b)]
        trunk += [*self.stage(widths, 0), PatternHead(widths[0], image_pyramid(self, data).start)]
        return Critic(nn.Sequential(*trunk), init_fan_in(nn.Linear(widths[0], 1, bias=False)))

    def stage(self, widths: list[int], index: int) -> list[ResidualBlock]:
        """The blocks at one size; theirs begin the smaller, the more there are in the whole network."""
        gain = LEAKY_RELU_GAIN * (self.blocks * len(widths)) ** -0.25
        return [self.block(widths[index], gain) for _ in range(self.blocks)]

    def block(self, width: int, gain: float) -> ResidualBlock:
        wide = width * self.expansion
        first = init_fan_in(nn.Conv2d(width, wide, 1), gain)
        middle = init_fan_in(nn.Conv2d(wide, wide, 3, padding=1, groups=self.count_groups(width)), gain)
        last = init_fan_in(nn.Conv2d(wide, width, 1, bias=False), 0)  # each block begins as the identity
        return ResidualBlock(nn.Sequential(first, leaky_relu(), middle, leaky_relu(), last), nn.Identity())

    def count_groups(self, width: int) -> int:
        """How many groups a block of this width has."""
        groups, left = divmod(width * self.expansion, self.group)
        what = f"GroupedResidual: {width} channels, times expansion {self.expansion}, make no groups of {self.group}"
        unit = self.group // math.gcd(self.group, self.expansion)
        unit *= self.width // width if width < self.width else min(4, max(self.width // unit, 1))  # halved later on
        require(groups > 0 and left == 0, f"{what}; give --networks.width {unit * max(self.width // unit, 1)}")
        return groups

    def widths(self, data: Shape) -> list[int]:
        """Channels of the smallest map, twice that size, ... up to the image."""
        doublings = range(image_pyramid(self, data).steps + 1)
        return [max(self.width >> max(n - FULL_WIDTH_DOUBLINGS, 0), 1) for n in doublings]


class LearnedConstant(nn.Module):
    """Learned patterns, each weighed by a linear function of the latent: (n, latent) -> (n, width, *size)."""

    def __init__(self, latent: int, width: int, size: ImageSize) -> None:
        super().__init__()
        self.patterns = nn.Parameter(torch.randn(width, *size))
        self.weigh = init_fan_in(nn.Linear(latent, width, bias=False))

    def forward(self, z: Tensor) -> Tensor:
        out: Tensor = self.patterns * self.weigh(z)[:, :, None, None]
        return out


class PatternHead(nn.Module):
    """How much each channel is like a learned pattern: (n, width, *size) -> (n, width).

    Theirs is a convolution of each channel for itself, which at this size is no more than a sum.
    """

    def __init__(self, width: int, size: ImageSize) -> None:
        super().__init__()
        self.patterns = nn.Parameter(torch.randn(width, *size) / sqrt(prod(size)))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.patterns).sum((2, 3))


def change_width(inputs: int, outputs: int) -> list[nn.Module]:
    """A change of width, where there is one."""
    return [init_fan_in(nn.Conv2d(inputs, outputs, 1, bias=False))] if inputs != outputs else []


def init_fan_in(layer: L, gain: float = 1.0) -> L:
    """Weights from N(0, gain^2 / inputs), which keeps the size of what goes through."""
    return normal_init(layer, gain / sqrt(layer.weight[0].numel()))


def leaky_relu() -> nn.LeakyReLU:
    return nn.LeakyReLU(0.2, inplace=True)
