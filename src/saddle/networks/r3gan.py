"""R3GAN: plain residual networks with grouped convolutions, and no normalisation. Huang et al. 2024."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from math import prod, sqrt
from typing import ClassVar, TypeVar

import torch
from torch import Tensor, nn

from ..core import Verdict
from ..errors import require
from ..image_size import ImageSize
from ..layers.conditional import check_labels
from ..layers.init import normal_init
from ..layers.resampling import Downsample, Upsample
from ..layers.residual import ResidualBlock
from ..shape import Shape
from .base import Critic, Generator, Pyramid, image_pyramid, level_widths, require_counts
from .cgan import ConditionalGenerator, require_labels

L = TypeVar("L", bound=nn.Linear | nn.Conv2d)
LEAKY_RELU_GAIN = sqrt(2 / 1.04)  # what a leaky rectifier of slope 0.2 takes away


@dataclass(frozen=True)
class GroupedResidual:
    """R3GAN's, for CIFAR-10 without labels, and by the same rule for larger images. Huang et al. 2024.

    Sides are halved until the shorter has 4 to 7 pixels. The generator ends without tanh. With patch=2 and a tenth of
    the width it is a small pair for small pictures and a processor: most of the work is in the largest maps.
    """

    latent: int = 64  # numbers the generator starts from
    width: int = 768  # channels of the smallest maps, halved wherever the image is doubled beyond
    blocks: int = 2  # residual blocks at each size
    expansion: int = 2  # how much wider a block is inside
    group: int = 16  # channels in one group inside a block; 32 in the authors' networks for ImageNet
    full: int = 3  # doublings of the smallest map that keep the whole width, as up to 32x32
    patch: int = 1  # pixels of a side that are made, and read, at once: 1, 2, 4; 2 leaves the largest map out
    narrowest: int = 1  # channels that no map has fewer of

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "blocks", "expansion", "group", "patch", "narrowest")
        power = self.patch & (self.patch - 1) == 0
        require(power, f"GroupedResidual: patch is {self.patch}, but should be 1, 2, 4 or another power of two")
        require(self.full >= 0, f"GroupedResidual: full is {self.full}, but should be 0 or more")
        self.count_groups(self.width)

    def generator(self, data: Shape) -> nn.Module:
        return self.unlabelled_generator(data, self.latent)

    def critic(self, data: Shape) -> nn.Module:
        return Critic(self.trunk(data), init_fan_in(nn.Linear(self.width, 1, bias=False)))

    def unlabelled_generator(self, data: Shape, latent: int) -> Generator:
        """What makes images of so many numbers, none of them a label's."""
        start, widths = self.pyramid(data).start, self.widths(data)
        layers: list[nn.Module] = [LearnedConstant(latent, widths[0], start), *self.stage(widths, 0)]
        for i, (a, b) in enumerate(pairwise(widths), 1):
            layers += [*change_width(a, b), Upsample(), *self.stage(widths, i)]
        layers.append(init_fan_in(nn.Conv2d(widths[-1], data.channels * self.patch**2, 1, bias=False)))
        return Generator(*layers, *([nn.PixelShuffle(self.patch)] if self.patch > 1 else []))

    def trunk(self, data: Shape) -> nn.Sequential:
        """A critic up to its features, (n, width)."""
        widths = self.widths(data)
        layers: list[nn.Module] = [nn.PixelUnshuffle(self.patch)] if self.patch > 1 else []
        layers.append(init_fan_in(nn.Conv2d(data.channels * self.patch**2, widths[-1], 1, bias=False)))
        for i, (b, a) in reversed(list(enumerate(pairwise(widths), 1))):
            layers += [*self.stage(widths, i), Downsample(), *change_width(a, b)]
        return nn.Sequential(*layers, *self.stage(widths, 0), PatternHead(widths[0], self.pyramid(data).start))

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

    def pyramid(self, data: Shape) -> Pyramid:
        """The maps that have blocks: none is larger than the image in patches."""
        skipped = self.patch.bit_length() - 1
        whole = image_pyramid(self, data, least=max(skipped, 1))
        return whole._replace(steps=whole.steps - skipped)

    def widths(self, data: Shape) -> list[int]:
        """Channels of the smallest map, twice that size, ... up to the image, or its patches."""
        return level_widths(self.width, self.pyramid(data).steps, self.full, self.narrowest)


@dataclass(frozen=True)
class ConditionalGroupedResidual(GroupedResidual):
    """The same, told the class: by an embedding beside the latent, and by a vector that features are held against.

    R3GAN's for CIFAR-10 and ImageNet. Huang et al. 2024.
    """

    embedding: int = 64  # numbers that a label becomes beside the latent

    def __post_init__(self) -> None:
        super().__post_init__()
        require_counts(self, "embedding")

    def generator(self, data: Shape) -> nn.Module:
        require_labels(self, data)
        made = self.unlabelled_generator(data, self.latent + self.embedding)
        return ConditionalGenerator(made, data.classes, self.embedding)

    def critic(self, data: Shape) -> nn.Module:
        require_labels(self, data)
        return LabelVectorCritic(self.trunk(data), self.width, data.classes)


class LabelVectorCritic(nn.Module):
    """A critic whose score is <v_y, L phi(x)>, (n,): phi its trunk, L a linear map, v_y the label's vector."""

    needs: ClassVar[str] = "label"

    def __init__(self, trunk: nn.Module, width: int, classes: int) -> None:
        super().__init__()
        self.trunk, self.classes = trunk, classes
        self.head = init_fan_in(nn.Linear(width, width, bias=False))
        self.vectors = nn.Embedding(classes, width)
        nn.init.normal_(self.vectors.weight, 0.0, (width * classes) ** -0.5)  # a linear map of one-hot labels

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        labels = check_labels(condition, self.classes)
        features = self.head(self.trunk(x))
        return Verdict((features * self.vectors(labels).to(features)).sum(1), features)


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
