"""SAGAN: self-attention in both players, and spectral normalisation in both. Zhang et al. 2018."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ..core import Shape
from ..layers.attention import SelfAttention
from ..layers.initial import glorot
from ..layers.residual import doubling, halving, plain
from ..layers.spectral import normalised
from .ends import Critic, Generator, counts, takes
from .spectral import summing


@dataclass(frozen=True)
class AttentiveResidual32:
    """SN-GAN's residual networks with SAGAN's attention, between 16x16 places. Zhang et al. 2018.

    The authors' networks are for 128 pixels, with attention between 32x32 places; those for 32 pixels are ours.
    """

    latent: int = 128  # numbers the generator starts from
    width: int = 128  # channels of the critic's blocks
    width_generator: int = 256  # channels of the generator's blocks

    def __post_init__(self) -> None:
        counts(self, "latent", "width", "width_generator")

    def generator(self, data: Shape) -> Generator:
        self.check(data)
        w = self.width_generator
        first = (glorot(nn.Linear(self.latent, 16 * w)), nn.Unflatten(1, (w, 4, 4)))
        blocks = (doubling(w), doubling(w), SelfAttention(w), doubling(w))
        last = (nn.BatchNorm2d(w), nn.ReLU(inplace=True), glorot(nn.Conv2d(w, data.channels, 3, padding=1)))
        return normalised(Generator(*first, *blocks, *last, nn.Tanh()))

    def critic(self, data: Shape) -> Critic:
        self.check(data)
        w = self.width
        blocks = (halving(data.channels, w, first=True), SelfAttention(w), halving(w, w), plain(w), plain(w))
        return normalised(summing(w, *blocks))

    def check(self, data: Shape) -> None:
        takes(data[1:3] == (32, 32), self, data, "32x32 pixels", "give --size 32")
