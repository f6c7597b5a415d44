"""PGGAN: networks that grow with the images, a level for each size. Karras et al. 2017."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod, sqrt

import torch
from torch import Tensor, nn

from ..core import Verdict
from ..errors import require
from ..image_size import ImageSize
from ..layers.equalized import EqualizedConv2d, EqualizedLinear, PixelNorm
from ..layers.minibatch import MinibatchStd
from ..layers.resampling import double, halve
from ..recipe import Networks
from ..shape import Shape
from .base import image_pyramid, level_widths, require_counts

RELU_GAIN = sqrt(2)  # of the layers before a rectifier: section 4.1


@dataclass(frozen=True)
class Progressive:
    """PGGAN's, with a level for each size at which it can play: all sizes that halvings of the images come to.

    Sides are halved until the shorter has 4 to 7 pixels. Called as any pair is, they are the plain networks of the
    last level; a game that grows names a level, and how far it is faded in. The generator ends without tanh.
    """

    latent: int = 512  # numbers the generator starts from
    width: int = 512  # channels up to 32x32, halved wherever the image is doubled beyond
    group: int = 4  # neighbours in a batch whose deviation the critic is told

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width")
        check_group(self, self.group)

    def generator(self, data: Shape) -> GrowingGenerator:
        start, steps = image_pyramid(self, data)
        widths = level_widths(self.width, steps)
        blocks = [first_block(self.latent, widths[0], start), *(up_block(a, b) for a, b in pairwise(widths))]
        return GrowingGenerator(blocks, [EqualizedConv2d(width, data.channels, 1) for width in widths])

    def critic(self, data: Shape) -> GrowingCritic:
        start, steps = image_pyramid(self, data)
        widths = level_widths(self.width, steps)
        return GrowingCritic(start, widths, data.channels, [down_block(b, a) for a, b in pairwise(widths)], self.group)


def check_group(pair: Networks, group: int) -> None:
    own = f"{type(pair).__name__}'s group is {group}"
    require(group >= 2, f"{own}, but should be 2 or more, for one image alone does not differ from itself")


def first_block(latent: int, width: int, size: ImageSize) -> nn.Sequential:
    """Latents of unit mean square into the smallest map; a bias for each channel, as in the authors' code."""
    dense = EqualizedLinear(latent, width * prod(size), gain=RELU_GAIN / 4, bias=False)
    spread = nn.Sequential(PixelNorm(), dense, nn.Unflatten(1, (width, *size)), ChannelBias(width))
    return nn.Sequential(*spread, *normalised(), *convolution(width, width), PixelNorm())


def up_block(inputs: int, outputs: int) -> nn.Sequential:
    layers = [*convolution(inputs, outputs), PixelNorm(), *convolution(outputs, outputs), PixelNorm()]
    return nn.Sequential(nn.Upsample(scale_factor=2), *layers)


def down_block(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(*convolution(inputs, inputs), *convolution(inputs, outputs), nn.AvgPool2d(2))


def convolution(inputs: int, outputs: int, kernel: int = 3) -> tuple[nn.Module, ...]:
    return EqualizedConv2d(inputs, outputs, kernel, gain=RELU_GAIN), nn.LeakyReLU(0.2, inplace=True)


def normalised() -> tuple[nn.Module, ...]:
    return nn.LeakyReLU(0.2, inplace=True), PixelNorm()


class ChannelBias(nn.Module):
    """A number for each channel, added everywhere: (n, channels, height, width), of the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.bias[:, None, None]


class GrowingGenerator(nn.Module):
    """Latents (n, latent) into images of a level's size, 2^level times the smallest; the last if none is named.

    While a level is faded in, an image is on its way from that of the level below, doubled, to its own: section 3.
    """

    def __init__(self, blocks: list[nn.Sequential], to_image: list[EqualizedConv2d]) -> None:
        super().__init__()
        self.blocks, self.to_image = nn.ModuleList(blocks), nn.ModuleList(to_image)

    @property
    def levels(self) -> int:
        return len(self.blocks)

    def forward(self, z: Tensor, condition: Tensor | None = None, level: int | None = None, fade: float = 1.0
                ) -> Tensor:  # fmt: skip
        top = self.levels - 1 if level is None else level
        below = h = self.blocks[0](z)
        for block in self.blocks[1 : top + 1]:
            below, h = h, block(h)
        image: Tensor = self.to_image[top](h)
        if top and fade < 1:
            image = torch.lerp(double(self.to_image[top - 1](below)), image, fade)
        return image


class GrowingCritic(nn.Module):
    """Images of any level's size into a score each, (n,), whatever the condition.

    While a level is faded in, what its block makes of an image is on its way from what the level below reads of the
    image, halved: section 3.
    """

    def __init__(self, start: ImageSize, widths: list[int], channels: int, blocks: list[nn.Sequential], group: int,
                 ) -> None:  # fmt: skip
        super().__init__()
        self.start, width = start, widths[0]
        self.from_image = nn.ModuleList(nn.Sequential(*convolution(channels, wide, 1)) for wide in widths)
        self.blocks = nn.ModuleList(blocks)  # from each level to the one below
        dense = EqualizedLinear(width * prod(start), width, gain=RELU_GAIN)
        self.last = nn.Sequential(MinibatchStd(group), *convolution(width + 1, width), nn.Flatten(), dense,
                                   nn.LeakyReLU(0.2, inplace=True))  # fmt: skip
        self.head = nn.Sequential(EqualizedLinear(width, 1), nn.Flatten(0))

    @property
    def levels(self) -> int:
        return len(self.from_image)

    def level_of(self, x: Tensor) -> int:
        level = (x.shape[2] // self.start.height).bit_length() - 1
        fits = 0 <= level < self.levels and [*x.shape[2:]] == [side << level for side in self.start]
        sizes = ", ".join(str(ImageSize(*(side << n for side in self.start))) for n in range(self.levels))
        require(fits, f"this critic judges images of {sizes}, not of {x.shape[2]}x{x.shape[3]}")
        return level

    def forward(self, x: Tensor, condition: Tensor | None = None, fade: float = 1.0) -> Verdict:
        top = self.level_of(x)
        h = self.from_image[top](x)
        for level in range(top, 0, -1):
            h = self.blocks[level - 1](h)
            if level == top and fade < 1:
                h = torch.lerp(self.from_image[top - 1](halve(x)), h, fade)
        features = self.last(h)
        return Verdict(self.head(features), features)
