"""The residual networks that R1 was proposed with. Mescheder, Geiger & Nowozin 2018, their released code."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from ..layers.residual import ResidualBlock
from ..shape import Shape
from .base import Critic, Generator, image_pyramid, require_counts

RESIDUAL_SCALE = 0.1  # of what a block adds to what it got


@dataclass(frozen=True)
class DampedResidual:
    """Those R1 was proposed with: no normalisation, each block adds a tenth. Mescheder et al. 2018.

    Sides are halved until the shorter has 4 to 7 pixels; weights begin as torch has it. width=16 is CelebA-HQ's at
    1024 pixels; there an embedding of the only label, one number long, was a second bias.
    """

    latent: int = 256  # numbers the generator starts from
    width: int = 64  # channels next to the image, doubled wherever the image is halved
    widest: int = 512  # channels at most

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "widest")

    def generator(self, data: Shape) -> Generator:
        widths, start = self.widths(data)[::-1], (self.widths(data)[-1], *image_pyramid(self, data).start)
        layers: list[nn.Module] = [nn.Linear(self.latent, prod(start)), nn.Unflatten(1, start)]
        for a, b in pairwise(widths):
            layers += [scaled_block(a, b), nn.Upsample(scale_factor=2)]
        w = widths[-1]
        last = nn.Conv2d(w, data.channels, 3, padding=1)
        return Generator(*layers, scaled_block(w, w), nn.LeakyReLU(0.2, inplace=True), last, nn.Tanh())

    def critic(self, data: Shape) -> Critic:
        widths = self.widths(data)
        w = widths[0]
        trunk: list[nn.Module] = [nn.Conv2d(data.channels, w, 3, padding=1), scaled_block(w, w)]
        for a, b in pairwise(widths):
            trunk += [nn.AvgPool2d(3, 2, 1), scaled_block(a, b)]
        trunk += [nn.LeakyReLU(0.2, inplace=True), nn.Flatten()]
        return Critic(nn.Sequential(*trunk), nn.Linear(prod(image_pyramid(self, data).start) * widths[-1], 1))

    def widths(self, data: Shape) -> list[int]:
        """Channels next to the image, at half its size, ... down to the smallest map."""
        return [min(self.width << level, self.widest) for level in range(image_pyramid(self, data).steps + 1)]


def scaled_block(inputs: int, outputs: int) -> ResidualBlock:
    """A block of the same height and width, as narrow inside as its narrower end."""
    middle = min(inputs, outputs)
    first, second = nn.Conv2d(inputs, middle, 3, padding=1), nn.Conv2d(middle, outputs, 3, padding=1)
    main = nn.Sequential(nn.LeakyReLU(0.2), first, nn.LeakyReLU(0.2, inplace=True), second, ScaledResidual())
    return ResidualBlock(main, nn.Conv2d(inputs, outputs, 1, bias=False) if inputs != outputs else nn.Identity())


class ScaledResidual(nn.Module):
    """A tenth of x."""

    def forward(self, x: Tensor) -> Tensor:
        return RESIDUAL_SCALE * x
