"""SAGAN: self-attention in both players, and spectral normalisation in both. Zhang et al. 2018."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from ..core import Shape
from ..layers.attention import SelfAttention
from ..layers.init import glorot_uniform
from ..layers.residual import down_block, same_block, up_block
from ..layers.spectral import add_spectral_norms
from .base import Critic, Generator, require_counts, require_shape
from .sn_gan import sum_pooling_critic


@dataclass(frozen=True)
class AttentiveResidual32:
    """SN-GAN's residual networks with SAGAN's attention, between 16x16 places. Zhang et al. 2018.

    The authors' networks are for 128 pixels, with attention between 32x32 places; those for 32 pixels are ours.
    """

    latent: int = 128  # numbers the generator starts from
    width: int = 128  # channels of the critic's blocks
    width_generator: int = 256  # channels of the generator's blocks

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "width_generator")

    def generator(self, data: Shape) -> Generator:
        self.check(data)
        w = self.width_generator
        first = (glorot_uniform(nn.Linear(self.latent, 16 * w)), nn.Unflatten(1, (w, 4, 4)))
        blocks = (up_block(w), up_block(w), SelfAttention(w), up_block(w))
        last = (nn.BatchNorm2d(w), nn.ReLU(inplace=True), glorot_uniform(nn.Conv2d(w, data.channels, 3, padding=1)))
        return add_spectral_norms(Generator(*first, *blocks, *last, nn.Tanh()))

    def critic(self, data: Shape) -> Critic:
        self.check(data)
        w = self.width
        blocks = (
            down_block(data.channels, w, first=True),
            SelfAttention(w),
            down_block(w, w),
            same_block(w),
            same_block(w),
        )
        return add_spectral_norms(sum_pooling_critic(w, *blocks))

    def check(self, data: Shape) -> None:
        require_shape(data[1:3] == (32, 32), self, data, "32x32 pixels", "give --size 32")
