"""ALI: BiGAN with codes that are drawn, found at the same time."""

from __future__ import annotations

from dataclasses import dataclass

from ..games import ALI as Game
from ..layers.priors import Normal
from ..networks import Bidirectional, MaxoutBidirectional
from ..optim import Adam
from ..recipe import Optimizing, PairNetworks, Paper, Prior
from ..shape import Shape
from .bigan import BiGAN


@dataclass(frozen=True)
class ALI(BiGAN):
    """Adversarially learned inference, on small networks; the preset `cifar` has the paper's for 32x32 pixels."""

    paper = Paper("Dumoulin et al.", 2017, arxiv="1606.00704")

    networks: PairNetworks = Bidirectional(latent=64)  # encoder, generator, and a critic of pairs
    prior: Prior = Normal()  # where latents come from
    optimizer: Optimizing = Adam(lr=1e-4, betas=(0.5, 0.999))  # how all players step; the paper's
    batch: int = 100  # images in one move; the paper's

    def game(self, data: Shape) -> Game:
        return self.play(Game, data)


# Their networks, whose first weights are N(0, 0.01^2).
cifar = ALI(networks=MaxoutBidirectional())
