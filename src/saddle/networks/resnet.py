"""Residual pairs."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ..core import Shape
from ..layers.init import glorot_uniform
from ..layers.residual import down_block, same_block, up_block
from .base import Critic, Generator, require_counts, require_shape


@dataclass(frozen=True)
class Residual32:
    """WGAN-GP's residual networks for CIFAR-10: batch normalisation in the generator only. Gulrajani et al. 2017."""

    latent: int = 128  # numbers the generator starts from
    width: int = 128  # channels of every block

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width")

    def generator(self, data: Shape) -> Generator:
        self.check(data)
        w = self.width
        first = (glorot_uniform(nn.Linear(self.latent, 16 * w)), nn.Unflatten(1, (w, 4, 4)))
        last = (nn.BatchNorm2d(w), nn.ReLU(inplace=True), glorot_uniform(nn.Conv2d(w, data.channels, 3, padding=1)))
        return Generator(*first, up_block(w), up_block(w), up_block(w), *last, nn.Tanh())

    def critic(self, data: Shape) -> Critic:
        self.check(data)
        w = self.width
        blocks = (down_block(data.channels, w, first=True), down_block(w, w), same_block(w), same_block(w))
        mean = (nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return Critic(nn.Sequential(*blocks, *mean), glorot_uniform(nn.Linear(w, 1)))

    def check(self, data: Shape) -> None:
        require_shape(data[1:3] == (32, 32), self, data, "32x32 pixels", "give --size 32")
