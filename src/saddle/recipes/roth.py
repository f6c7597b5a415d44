"""Roth et al.: the loss under noise on the critic's input, to second order, without the noise."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Penalties
from ..networks import Convolutional
from ..optim import Adam, Geometric
from ..penalties import Roth
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class RothGAN(Versus):
    """A logistic GAN whose critic pays for slope where it is unsure; on DCGAN's networks."""

    paper = Paper("Roth et al.", 2017, arxiv="1705.09367")

    networks: Networks = Convolutional(latent=100, width=64, normal=False)  # generator and critic
    penalties: Penalties = (Roth(weight=0.1),)  # further terms of the critic's loss; gamma in the authors' code
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.5, 0.999))  # how both players step; the authors' code


# The authors' other setting: gamma from 2 to a hundredth of it.
annealed = RothGAN(penalties=(Roth(weight=Geometric(2.0, 0.02)),))
