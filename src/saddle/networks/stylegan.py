"""StyleGAN: styles of a mapping network enter at every layer of a generator that grows. Karras et al. 2018."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ..image_size import ImageSize
from ..layers.adain import AdaptiveInstanceNorm
from ..layers.equalized import EqualizedConv2d
from ..layers.resampling import TriangleBlur, double
from ..layers.style import MappingNetwork, NoiseInjection
from ..shape import Shape
from .base import image_pyramid, level_widths, require_counts
from .pggan import RELU_GAIN, ChannelBias, GrowingCritic, check_group, convolution


@dataclass(frozen=True)
class Styled:
    """StyleGAN's, with a level for each size that halvings of the images come to; two layers of styles in each.

    Sides are halved until the shorter has 4 to 7 pixels. The critic is PGGAN's, blurred before it halves. Called as any
    pair is, they are the plain networks of the last level. The generator ends without tanh.
    """

    latent: int = 512  # numbers the generator starts from
    style: int = 512  # numbers of a style
    depth: int = 8  # dense layers from latents to styles
    width: int = 512  # channels up to 32x32, halved wherever the image is doubled beyond
    group: int = 4  # neighbours in a batch whose deviation the critic is told

    def __post_init__(self) -> None:
        require_counts(self, "latent", "style", "depth", "width")
        check_group(self, self.group)

    def generator(self, data: Shape) -> StyledGenerator:
        start, steps = image_pyramid(self, data)
        mapping = MappingNetwork(self.latent, self.style, self.depth)
        return StyledGenerator(mapping, self.style, start, level_widths(self.width, steps), data.channels)

    def critic(self, data: Shape) -> GrowingCritic:
        start, steps = image_pyramid(self, data)
        widths = level_widths(self.width, steps)
        blocks = [blurred_down_block(b, a) for a, b in pairwise(widths)]
        return GrowingCritic(start, widths, data.channels, blocks, self.group)


def blurred_down_block(inputs: int, outputs: int) -> nn.Sequential:
    second, relu = convolution(inputs, outputs)
    return nn.Sequential(*convolution(inputs, inputs), TriangleBlur(), second, nn.AvgPool2d(2), relu)


class StyledLayer(nn.Module):
    """A convolution, if any, of the map doubled and blurred, if so; then noise, a bias, a rectifier and the style."""

    def __init__(self, inputs: int, outputs: int, style: int, convolve: bool = True, up: bool = False) -> None:
        super().__init__()
        conv = [EqualizedConv2d(inputs, outputs, gain=RELU_GAIN, bias=False)] if convolve else []
        self.conv = nn.Sequential(nn.Upsample(scale_factor=2), *conv, TriangleBlur()) if up else nn.Sequential(*conv)
        self.noise, self.bias = NoiseInjection(outputs), ChannelBias(outputs)
        self.adapt = AdaptiveInstanceNorm(style, outputs)

    def forward(self, x: Tensor, w: Tensor, noise: bool = True) -> Tensor:
        h = self.bias(self.noise(self.conv(x), noise))
        adapted: Tensor = self.adapt(leaky_relu(h, 0.2), w)
        return adapted


class StyledGenerator(nn.Module):
    """Latents (n, latent) into styles (n, style), and a style for each layer into images of a level's size.

    The last level if none is named. While one is faded in, an image is on its way from that of the level below.
    """

    mean_w: Tensor  # (style,): where truncation goes towards

    def __init__(self, mapping: MappingNetwork, style: int, start: ImageSize, widths: list[int], channels: int) -> None:
        super().__init__()
        self.mapping_network, self.constant = mapping, nn.Parameter(torch.ones(widths[0], *start))
        below = [widths[0], *widths[:-1]]
        self.styled = nn.ModuleList(
            StyledLayer(a, b, style, convolve=n > 0 or second, up=n > 0 and not second)
            for n, (before, b) in enumerate(zip(below, widths, strict=True))
            for second, a in ((False, before), (True, b))
        )
        self.to_image = nn.ModuleList(EqualizedConv2d(width, channels, 1) for width in widths)
        self.layers, self.levels = len(self.styled), len(widths)
        self.register_buffer("mean_w", torch.zeros(style))

    def mapping(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        w: Tensor = self.mapping_network(z)
        return w

    def synthesis(self, ws: Tensor, noise: bool = True, level: int | None = None, fade: float = 1.0) -> Tensor:
        top = self.levels - 1 if level is None else level
        h = below = self.constant.expand(ws.shape[0], -1, -1, -1)
        for n, layer in enumerate(self.styled[: 2 * top + 2]):
            below = h if n == 2 * top else below
            h = layer(h, ws[:, n], noise)
        image: Tensor = self.to_image[top](h)
        if top and fade < 1:
            image = torch.lerp(double(self.to_image[top - 1](below)), image, fade)
        return image

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.synthesis(self.mapping(z)[:, None].expand(-1, self.layers, -1))
