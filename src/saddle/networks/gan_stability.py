"""The residual networks that R1 was proposed with. Mescheder, Geiger & Nowozin 2018, their released code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import ClassVar, Literal

from torch import Tensor, nn

from ..core import Verdict
from ..errors import require
from ..layers.conditional import check_labels
from ..layers.residual import ResidualBlock
from ..shape import Shape
from .base import Critic, Generator, image_pyramid, require_counts
from .cgan import ConditionalGenerator, require_labels

RESIDUAL_SCALE = 0.1  # of what a block adds to what it got


@dataclass(frozen=True)
class DampedResidual:
    """Those R1 was proposed with: no normalisation, each block adds a tenth. Mescheder et al. 2018.

    Sides are halved until the shorter has 4 to 7 pixels; weights begin as torch has it. width=16 is CelebA-HQ's at
    1024 pixels; there an embedding of the only label, one number long, was a second bias. With widest=1024,
    blocks=2 and embedding=256 they are those for ImageNet at 128 pixels.
    """

    latent: int = 256  # numbers the generator starts from
    width: int = 64  # channels next to the image, doubled wherever the image is halved
    widest: int = 512  # channels at most
    blocks: Literal[1, 2] = 1  # residual blocks at each size
    embedding: int = 0  # numbers of length one that a label becomes beside the latent; 0: nobody is told the class

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "widest")
        require(self.blocks in (1, 2), f"DampedResidual: blocks is {self.blocks!r}, but should be 1 or 2")
        require(self.embedding >= 0, f"DampedResidual: embedding is {self.embedding!r}, but should be 0 or more")

    def generator(self, data: Shape) -> nn.Module:
        if self.embedding:
            require_labels(self, data)
        widths, start = self.widths(data)[::-1], (self.widths(data)[-1], *image_pyramid(self, data).start)
        first = nn.Linear(self.latent + self.embedding, prod(start)), nn.Unflatten(1, start)
        blocks = up_twice(widths) if self.blocks == 2 else up_once(widths)
        last = nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(widths[-1], data.channels, 3, padding=1), nn.Tanh()
        made = Generator(*first, *blocks, *last)
        return ConditionalGenerator(made, data.classes, self.embedding, unit=True) if self.embedding else made

    def critic(self, data: Shape) -> nn.Module:
        if self.embedding:
            require_labels(self, data)
        widths = self.widths(data)
        first = nn.Conv2d(data.channels, widths[0], 3, padding=1)
        blocks = down_twice(widths) if self.blocks == 2 else down_once(widths)
        trunk = nn.Sequential(first, *blocks, nn.LeakyReLU(0.2, inplace=True), nn.Flatten())
        several = data.classes if self.embedding else 1
        critic = Critic(trunk, nn.Linear(prod(image_pyramid(self, data).start) * widths[-1], several))
        return OwnLogit(critic, data.classes) if several > 1 else critic

    def widths(self, data: Shape) -> list[int]:
        """Channels next to the image, at half its size, ... down to the smallest map."""
        return [min(self.width << level, self.widest) for level in range(image_pyramid(self, data).steps + 1)]


def up_once(widths: list[int]) -> Iterator[nn.Module]:
    """A block before each doubling, and one at the image's size."""
    for a, b in pairwise(widths):
        yield scaled_block(a, b)
        yield nn.Upsample(scale_factor=2)
    yield scaled_block(widths[-1], widths[-1])


def up_twice(widths: list[int]) -> Iterator[nn.Module]:
    """Two blocks at each size."""
    for i, (a, b) in enumerate(pairwise([widths[0], *widths])):
        if i:
            yield nn.Upsample(scale_factor=2)
        yield scaled_block(a, b)
        yield scaled_block(b, b)


def down_once(widths: list[int]) -> Iterator[nn.Module]:
    """A block at the image's size, and one behind each halving."""
    yield scaled_block(widths[0], widths[0])
    for a, b in pairwise(widths):
        yield nn.AvgPool2d(3, 2, 1)
        yield scaled_block(a, b)


def down_twice(widths: list[int]) -> Iterator[nn.Module]:
    """Two blocks at each size."""
    for i, (a, b) in enumerate(pairwise([*widths, widths[-1]])):
        if i:
            yield nn.AvgPool2d(3, 2, 1)
        yield scaled_block(a, a)
        yield scaled_block(a, b)


class OwnLogit(nn.Module):
    """A critic with a score for each class, of which a sample's is that of its own label."""

    needs: ClassVar[str] = "label"

    def __init__(self, critic: Critic, classes: int) -> None:
        super().__init__()
        self.trunk, self.head, self.classes = critic.trunk, critic.head[0], classes

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        labels, features = check_labels(condition, self.classes), self.trunk(x)
        return Verdict(self.head(features).gather(1, labels[:, None]).squeeze(1), features)


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
