"""GAN-CLS: convolutions that are told a text, with residual bottlenecks. Reed et al. 2016."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..core import Verdict
from ..errors import Mistake
from ..layers.init import normal_init
from ..layers.matmul_convs import GlobalConv, LatentConv
from ..shape import Codes, Shape
from .base import Pyramid, image_pyramid, require_counts
from .dcgan import MIN_HALVINGS, batch_norm, leaky_relu


@dataclass(frozen=True)
class TextConvolutional:
    """The paper's networks at 64 pixels, and the same at others: a generator and a critic that are told a text's code.

    The generator starts from latent and text; the critic's text stands beside each place of its smallest map.
    """

    latent: int = 100  # numbers the generator starts from
    text: int = 128  # numbers that each network keeps of a text's code
    width: int = 128  # the generator's channels next to the image, doubled wherever the image is halved
    width_critic: int = 64  # the critic's

    def __post_init__(self) -> None:
        require_counts(self, "latent", "text", "width", "width_critic")

    def generator(self, data: Shape) -> TextGenerator:
        start, widths = self.pyramid(data).start, self.widths(data, self.width)[::-1]
        told = nn.Sequential(normal_init(nn.Linear(code_size(data), self.text)), leaky_relu())
        first = normal_init(LatentConv(self.latent + self.text, widths[0], start))
        layers = [nn.Unflatten(1, (self.latent + self.text, 1, 1)), first, batch_norm(widths[0]), bottleneck(widths[0])]
        for level, (a, b) in enumerate(pairwise(widths)):
            layers += [up(a, b), batch_norm(b), bottleneck(b) if level == 0 else nn.ReLU(inplace=True)]
        return TextGenerator(told, nn.Sequential(*layers, up(widths[-1], data.channels), nn.Tanh()))

    def critic(self, data: Shape) -> TextCritic:
        start, widths = self.pyramid(data).start, self.widths(data, self.width_critic)
        trunk = [halve(data.channels, widths[0]), leaky_relu()]
        for level, (a, b) in enumerate(pairwise(widths)):
            last = level == len(widths) - 2
            trunk += [halve(a, b), batch_norm(b), bottleneck(b, leaky_relu) if last else leaky_relu()]
        top = widths[-1]
        told = nn.Sequential(normal_init(nn.Linear(code_size(data), self.text)), norm_1d(self.text), leaky_relu())
        joint = nn.Sequential(normal_init(nn.Conv2d(top + self.text, top, 1)), batch_norm(top), leaky_relu())
        return TextCritic(nn.Sequential(*trunk), told, joint, normal_init(GlobalConv(top, 1, start)))

    def widths(self, data: Shape, width: int) -> list[int]:
        """Channels at half the image's size, at a quarter, ... down to the smallest map."""
        return [width << level for level in range(self.pyramid(data).steps)]

    def pyramid(self, data: Shape) -> Pyramid:
        return image_pyramid(self, data, MIN_HALVINGS)


def code_size(data: Shape) -> int:
    """How many numbers the code of a text has; Mistake where samples are not made for codes."""
    if isinstance(data.condition, Codes):
        return data.condition.size
    raise Mistake("TextConvolutional is told a text's code, which only a recipe that reads texts gives; take gan-cls, "
                  "or networks such as Concatenated(Convolutional()) for labels")  # fmt: skip


class TextGenerator(nn.Module):
    """Images (n, channels, height, width) of latents (n, latent) and the codes of texts (n, size)."""

    def __init__(self, told: nn.Module, body: nn.Module) -> None:
        super().__init__()
        self.told, self.body = told, body

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        made: Tensor = self.body(torch.cat([z, self.told(condition).to(z.dtype)], 1))
        return made


class TextCritic(nn.Module):
    """One score each, (n,), of images beside the codes of texts (n, size)."""

    def __init__(self, trunk: nn.Module, told: nn.Module, joint: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.trunk, self.told, self.joint, self.head = trunk, told, joint, nn.Sequential(head, nn.Flatten(0))

    def forward(self, x: Tensor, condition: Tensor) -> Verdict:
        seen = self.trunk(x)
        told = self.told(condition)[:, :, None, None].expand(-1, -1, *seen.shape[2:])
        features = self.joint(torch.cat([seen, told.to(seen.dtype)], 1))
        return Verdict(self.head(features), features)


class Bottleneck(nn.Module):
    """What goes in plus what three narrow convolutions make of it, then the activation."""

    def __init__(self, branch: nn.Module, active: nn.Module) -> None:
        super().__init__()
        self.branch, self.active = branch, active

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.active(x + self.branch(x))
        return out


def bottleneck(width: int, active: Callable[[], nn.Module] = nn.ReLU) -> Bottleneck:
    """1x1, 3x3 and 3x3, a quarter as wide inside."""
    inner = max(width // 4, 1)
    first, second = normal_init(nn.Conv2d(width, inner, 1)), normal_init(nn.Conv2d(inner, inner, 3, 1, 1))
    third = normal_init(nn.Conv2d(inner, width, 3, 1, 1))
    layers = [first, batch_norm(inner), active(), second, batch_norm(inner), active(), third, batch_norm(width)]
    return Bottleneck(nn.Sequential(*layers), active())


def halve(inputs: int, outputs: int) -> nn.Conv2d:
    return normal_init(nn.Conv2d(inputs, outputs, 4, 2, 1))


def up(inputs: int, outputs: int) -> nn.ConvTranspose2d:
    return normal_init(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1))


def norm_1d(width: int) -> nn.BatchNorm1d:
    return normal_init(nn.BatchNorm1d(width), mean=1.0)
