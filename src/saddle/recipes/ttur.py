"""TTUR: each player has a rate of its own."""

from __future__ import annotations

from dataclasses import dataclass

from ..networks import Convolutional, ResNet
from ..objectives import Wasserstein
from ..optim import Adam
from ..penalties import GradientPenalty
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class TTUR(Versus):
    """The authors' rates for DCGAN on CIFAR-10, where the critic is the slower; the preset has WGAN-GP's."""

    paper = Paper("Heusel et al.", 2017, arxiv="1706.08500")

    networks: Networks = Convolutional(latent=100, width=64)  # generator and critic
    optimizer: Optimizing = Adam(lr=5e-4, betas=(0.5, 0.999))  # how the generator steps; the authors'
    critic_optimizer: Optimizing = Adam(lr=1e-4, betas=(0.5, 0.999))  # how the critic steps; the authors'


# WGAN-GP on CIFAR-10 with one move each, where the critic is the faster.
wgan_gp = TTUR(
    networks=ResNet(),
    objective=Wasserstein(),
    penalties=(GradientPenalty(10.0),),
    optimizer=Adam(1e-4, (0.0, 0.9)),
    critic_optimizer=Adam(3e-4, (0.0, 0.9)),
)
