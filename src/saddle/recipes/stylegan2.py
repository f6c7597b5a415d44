"""StyleGAN2: styles that scale weights, lazy R1, and even path lengths."""

from __future__ import annotations

from dataclasses import dataclass

from ..averaging import Averaging, HalfLife
from ..core import Penalties
from ..games import PathLength, StyleBased
from ..networks import Modulated
from ..optim import Adam, Lazy
from ..penalties import R1
from ..recipe import Networks, Optimizing, Paper
from ..shape import Shape
from .versus import Versus

BETAS = (0.0, 0.99)


@dataclass(frozen=True)
class StyleGAN2(Versus):
    """Their config F; E has networks.full 32, and its R1 a weight of 100. Both are for 1024 pixels."""

    paper = Paper("Karras et al.", 2019, arxiv="1912.04958")

    networks: Networks = Modulated()  # generator and critic
    penalties: Penalties = (R1(weight=10.0, every=16),)  # further terms of the critic's loss; lazy ones move alone
    mixing: float = 0.9  # share of the samples that go on from some layer with another style
    path_length: PathLength | None = PathLength(weight=2.0, every=4)  # the generator's regulariser, if any
    optimizer: Optimizing = Lazy(Adam(lr=2e-3, betas=BETAS), every=4)  # how the generator steps
    critic_optimizer: Optimizing = Lazy(Adam(lr=2e-3, betas=BETAS), every=16)  # how the critic steps
    average: Averaging | None = HalfLife(10_000)  # how the averaged generator follows, if no --ema says so
    batch: int = 32  # images in one move of the critic

    def game(self, data: Shape) -> StyleBased:
        return self.play(StyleBased, data, mixing=self.mixing, path_length=self.path_length)
