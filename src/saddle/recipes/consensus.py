"""Consensus optimisation: both players also shrink the gradient field of the game."""

from __future__ import annotations

from dataclasses import dataclass

from ..games import Consensus
from ..networks import Convolutional
from ..optim import RMSprop
from ..recipe import Networks, Optimizing, Paper
from ..shape import Shape
from .versus import Versus


@dataclass(frozen=True)
class ConsensusGAN(Versus):
    """The authors' steps for CIFAR-10, on DCGAN's networks without batch norm in the critic; both move at once."""

    paper = Paper("Mescheder, Nowozin & Geiger", 2017, arxiv="1705.10461")

    networks: Networks = Convolutional(latent=100, width=64, normal=False)  # generator and critic
    gamma: float = 0.1  # weight of the field's square; the authors' code: 0.1 on CIFAR-10, 10 on CelebA
    optimizer: Optimizing = RMSprop(lr=1e-4)  # how both players step; the authors' code

    def game(self, data: Shape) -> Consensus:
        return self.play(Consensus, data, gamma=self.gamma)
