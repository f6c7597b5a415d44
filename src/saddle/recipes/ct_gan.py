"""CT-GAN: WGAN-GP whose critic also agrees with itself about a real sample, under different dropout."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Objective, Penalties
from ..games import Turns
from ..networks import Convolutional, Convolutional5, Dropped, ResNet
from ..objectives import Wasserstein
from ..optim import Adam, Linear
from ..penalties import Consistency, GradientPenalty
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class CTGAN(Versus):
    """WGAN-GP's setting on a critic with dropout; presets have the authors' networks."""

    paper = Paper("Wei et al.", 2018, arxiv="1803.01541")

    networks: Networks = Dropped(Convolutional(latent=128, width=64, normal=False), (0.5,))  # generator and critic
    objective: Objective = Wasserstein()  # how scores become losses
    penalties: Penalties = (GradientPenalty(10.0), Consistency(2.0))  # further terms of the critic's loss; M' is 0
    turns: Turns = Turns(critic=5)  # moves of each player in a round; the authors' code
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.0, 0.9))  # how both players step; the authors' code, CIFAR-10
    batch: int = 64  # images in one move of the critic; as WGAN-GP's


# The authors' networks for 28x28 and 32x32 pixels: WGAN-GP's with dropout in the critic, and steps as there.
mnist = CTGAN(
    networks=Dropped(Convolutional5(width=64, normal_generator=False), (0.5,)),
    optimizer=Adam(1e-4, (0.5, 0.9)),
    batch=50,
)
cifar = CTGAN(
    networks=Dropped(ResNet(), (0.0, 0.2, 0.5, 0.5, 0.0)),
    optimizer=Adam(Linear(2e-4, 0.0), (0.0, 0.9)),
)
