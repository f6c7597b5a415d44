"""StyleGAN 2: styles scale the weights of a generator that adds up images; a residual critic. Karras et al. 2019."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod, sqrt

import torch
from torch import Tensor, nn

from ..batches import LABEL_ADVICE
from ..core import Verdict
from ..errors import require
from ..image_size import ImageSize
from ..layers.equalized import EqualizedConv2d, EqualizedLinear, RectifiedConv2d
from ..layers.minibatch import MinibatchStd
from ..layers.modulated import StyledConv, ToImage
from ..layers.resampling import Blur, Downsample
from ..layers.style import MappingNetwork, ScaledLeakyReLU
from ..shape import Shape
from .base import Critic, image_pyramid, require_counts

SMALLEST = 4  # pixels of the shorter side that widths are counted from, in whatever form
CRITIC_MAPPING = 8  # layers that a label goes through in the critic; the released code's


@dataclass(frozen=True)
class Modulated:
    """StyleGAN 2's, config F; config E has full=32. Karras et al. 2019, and 2020 with labels.

    Sides are halved until the shorter has 4 to 7 pixels. The generator ends without tanh. With width=64 and full=16 it
    is a small pair for small data.
    """

    latent: int = 512  # numbers the generator starts from
    style: int = 512  # numbers of a style
    mapping: int = 8  # layers from a latent to its style
    width: int = 512  # channels of small maps
    full: int = 64  # pixels of a side up to which maps have all channels; half as many at each doubling beyond
    residual: bool = True  # has the critic skips; without, it is ADA's for CIFAR-10
    group: int = 4  # samples whose deviation the critic sees
    conditional: bool = False  # are both told the class of each sample?

    def __post_init__(self) -> None:
        require_counts(self, "latent", "style", "mapping", "width", "full")
        require(self.group >= 2, f"Modulated: group is {self.group}, but a deviation is of 2 samples or more")

    def generator(self, data: Shape) -> ModulatedGenerator:
        mapping = MappingNetwork(self.latent, self.style, self.mapping, self.classes(data))
        start = image_pyramid(self, data).start
        return ModulatedGenerator(mapping, Synthesis(self.widths(data), start, self.style, data.channels))

    def critic(self, data: Shape) -> nn.Module:
        widths, classes = self.widths(data), self.classes(data)
        trunk: list[nn.Module] = [RectifiedConv2d(data.channels, widths[-1], 1)]
        trunk += [self.down(a, b) for a, b in pairwise(widths[::-1])]
        w, places = widths[0], prod(image_pyramid(self, data).start)
        trunk += [MinibatchStd(self.group), RectifiedConv2d(w + 1, w), nn.Flatten(),
                  EqualizedLinear(w * places, w), ScaledLeakyReLU()]  # fmt: skip
        if classes:
            told = MappingNetwork(0, w, CRITIC_MAPPING, classes)
            return MappedCritic(nn.Sequential(*trunk), EqualizedLinear(w, w), told)
        return Critic(nn.Sequential(*trunk), EqualizedLinear(w, 1))

    def down(self, inputs: int, outputs: int) -> nn.Module:
        """Half the height and width."""
        halving = Blur(padding=2), RectifiedConv2d(inputs, outputs, stride=2)
        main = nn.Sequential(RectifiedConv2d(inputs, inputs), *halving)
        return ResidualDown(main, inputs, outputs) if self.residual else main

    def widths(self, data: Shape) -> list[int]:
        """Channels of the smallest map, twice that size, ... up to the image."""
        sides = [SMALLEST << level for level in range(image_pyramid(self, data).steps + 1)]
        return [max(1, min(self.width, self.width * self.full // side)) for side in sides]

    def classes(self, data: Shape) -> int:
        told = not self.conditional or data.classes > 0
        require(told, "Modulated(conditional=True) is told the class of each sample, but these data have none; leave "
                f"conditional out, or {LABEL_ADVICE}")  # fmt: skip
        return data.classes if self.conditional else 0


class ModulatedGenerator(nn.Module):
    """A mapping of latents to styles, and a synthesis of images by them, one style for each layer."""

    mean_w: Tensor

    def __init__(self, mapping: MappingNetwork, synthesis: Synthesis) -> None:
        super().__init__()
        self.mapping, self.synthesis, self.layers = mapping, synthesis, synthesis.layers
        self.register_buffer("mean_w", torch.zeros(synthesis.style))

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        made: Tensor = self.synthesis(self.mapping(z, condition)[:, None].expand(-1, self.layers, -1))
        return made


class Synthesis(nn.Module):
    """Images of styles (n, layers, style), from a learned constant on; each size adds its part of the image.

    A size's image takes the style of the next size's first layer, as in the released code.
    """

    def __init__(self, widths: list[int], start: ImageSize, style: int, channels: int) -> None:
        super().__init__()
        self.style, self.layers = style, 2 * len(widths)
        self.constant = nn.Parameter(torch.randn(widths[0], *start))
        convs = [StyledConv(widths[0], widths[0], style)]
        for a, b in pairwise(widths):
            convs += [StyledConv(a, b, style, up=True), StyledConv(b, b, style)]
        self.convs, self.images = nn.ModuleList(convs), nn.ModuleList(ToImage(w, channels, style) for w in widths)

    def forward(self, ws: Tensor, noise: bool = True) -> Tensor:
        styles = ws.unbind(1)
        image: Tensor | None = None
        x = self.constant.expand(ws.shape[0], -1, -1, -1)
        for i, conv in enumerate(self.convs):
            x = conv(x, styles[i], noise)
            if i % 2 == 0:
                image = self.images[i // 2](x, styles[i + 1], image)
        assert image is not None, "the first layer makes one"
        return image


class ResidualDown(nn.Module):
    """What halves an image, and the filtered image itself, over sqrt(2): unit variance stays so."""

    def __init__(self, main: nn.Module, inputs: int, outputs: int) -> None:
        super().__init__()
        self.main = main
        self.skip = nn.Sequential(Downsample(), EqualizedConv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = (self.main(x) + self.skip(x)) / sqrt(2)
        return out


class MappedCritic(nn.Module):
    """Scores (n,): the product of features with what a label is mapped to. Miyato & Koyama 2018; Karras et al. 2020."""

    def __init__(self, trunk: nn.Module, head: EqualizedLinear, mapping: MappingNetwork) -> None:
        super().__init__()
        self.trunk, self.head, self.mapping = trunk, head, mapping

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        features = self.trunk(x)
        told = self.mapping(None, condition)
        return Verdict((self.head(features) * told).sum(1) / sqrt(told.shape[1]), features)
