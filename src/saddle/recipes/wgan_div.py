"""WGAN-div: a Wasserstein divergence, which needs no Lipschitz constraint."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Objective, Penalties
from ..games import Turns
from ..networks import Convolutional, ResNet
from ..objectives import Wasserstein
from ..optim import Adam
from ..penalties import Divergence
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class WGANDiv(Versus):
    """The paper's k and p with the steps of the authors' code, on WGAN-GP's convolutional pair."""

    paper = Paper("Wu et al.", 2018, arxiv="1712.01026")

    networks: Networks = Convolutional(latent=128, width=64, normal=False)  # generator and critic
    objective: Objective = Wasserstein()  # how scores become losses
    penalties: Penalties = (Divergence(weight=2.0, power=6.0),)  # further terms of the critic's loss; k and p
    turns: Turns = Turns(critic=4)  # moves of each player in a round; the authors' code
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.0, 0.9))  # how both players step; the authors' code
    batch: int = 64  # images in one move of the critic; the authors' code


# The authors' residual networks for 32x32 pixels, with their weight.
cifar = WGANDiv(networks=ResNet(), penalties=(Divergence(weight=10.0, power=6.0),))
