"""Pairs whose critic also names the class, without being told it. Odena, Olah & Shlens 2017 (AC-GAN)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import ClassVar

from torch import Tensor, nn

from ..core import Verdict, is_energy, per_score, rebuild
from ..image_size import ImageSize
from ..layers.init import glorot_uniform, normal_init
from ..shape import Shape
from .base import Critic, Generator, require_counts
from .cgan import Conditional, ConditionalGenerator, require_fraction, require_labels
from .wgan_gp import halved_sizes, up_conv5


@dataclass(frozen=True)
class Classifying(Conditional):
    """Any pair, its critic naming the class too, off its features; the generator is told it beside its latent.

    The class that a critic names becomes a loss by the penalty Classification, on both sides.
    """

    def critic(self, data: Shape) -> ClassifyingCritic:
        return ClassifyingCritic(*self.critic_and_sizes(data))


@dataclass(frozen=True)
class ClassifyingConvolutional:
    """Their networks for CIFAR-10, from memory, but for the label: theirs was one-hot, ours is an embedding."""

    latent: int = 100  # numbers the generator starts from, beside those of the label
    embedding: int = 10  # numbers that a label becomes
    width: int = 16  # channels of the critic's first layer, doubled in each of the five others
    width_generator: int = 96  # channels of the generator next to the image, doubled wherever the image is halved
    dropout: float = 0.5  # share of the critic's hidden units left out

    def __post_init__(self) -> None:
        require_counts(self, "latent", "embedding", "width", "width_generator")
        require_fraction(self, "dropout")

    def generator(self, data: Shape) -> nn.Module:
        sizes, w = self.sizes(data)[::-1], self.width_generator
        start = normal_init(nn.Linear(self.latent + self.embedding, prod(sizes[0]) * 4 * w))
        layers: list[nn.Module] = [start, nn.ReLU(inplace=True), nn.Unflatten(1, (4 * w, *sizes[0]))]
        for (a, b), (small, large) in zip(pairwise((4 * w, 2 * w, w)), pairwise(sizes), strict=False):
            layers += [normal_init(up_conv5(a, b, small, large)), nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
        last = normal_init(up_conv5(w, data.channels, *sizes[-2:]))
        return ConditionalGenerator(Generator(*layers, last, nn.Tanh()), data.classes, self.embedding)

    def critic(self, data: Shape) -> nn.Module:
        flat = prod(self.sizes(data)[-1]) * self.width << 5
        widths = [self.width << i for i in range(6)]
        trunk = [*self.conv_block(data.channels, widths[0], 2, normal=False)]
        for i, (a, b) in enumerate(pairwise(widths)):
            trunk += self.conv_block(a, b, 1 + i % 2)
        plain = Critic(nn.Sequential(*trunk, nn.Flatten()), normal_init(nn.Linear(flat, 1)))
        critic = ClassifyingCritic(plain, data.classes, flat)
        normal_init(critic.names)
        return critic

    def conv_block(self, inputs: int, outputs: int, stride: int, normal: bool = True) -> list[nn.Module]:
        conv = normal_init(nn.Conv2d(inputs, outputs, 3, stride, 1))
        norm = [nn.BatchNorm2d(outputs)] if normal else []
        return [conv, *norm, nn.LeakyReLU(0.2, inplace=True), nn.Dropout(self.dropout)]

    def sizes(self, data: Shape) -> list[ImageSize]:
        """The image's size and its three halvings; the shorter side of the last is 4."""
        require_labels(self, data)
        return halved_sizes(self, data)


class ClassifyingCritic(nn.Module):
    """A critic with logits (n, classes) beside its scores, both linear in the same features."""

    needs: ClassVar[str] = "label"  # not to judge, but for its naming to be learned

    def __init__(self, critic: nn.Module, classes: int, features: int) -> None:
        super().__init__()
        self.inside, self.classes, self.names = critic, classes, glorot_uniform(nn.Linear(features, classes))
        self.energy = is_energy(critic)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        verdict: Verdict = self.inside(x, condition)
        return verdict._replace(logits=self.names(per_score(verdict.features, verdict.score)))

    def rebuild(self, x: Tensor, condition: Tensor | None = None) -> Tensor | None:
        return rebuild(self.inside, x, condition)
