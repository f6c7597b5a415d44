"""VGAN: a critic that may know only so much of a sample, the variational discriminator bottleneck."""

from __future__ import annotations

from dataclasses import dataclass

from ..averaging import Averaging, Decay
from ..core import Penalties
from ..networks import Bottlenecked, DampedResidual
from ..optim import RMSprop
from ..penalties import R1, Bottleneck
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class VGAN(Versus):
    """As the authors' code has it for CIFAR-10: a code at each place of the last map, drawn in both players' moves.

    The log shows beta and the code's KL, which beta holds at the capacity.
    """

    paper = Paper("Peng, Kanazawa, Toyer, Abbeel & Levine", 2018, arxiv="1810.00821")

    networks: Networks = Bottlenecked(DampedResidual(latent=256, width=32, widest=256))  # generator and critic
    penalties: Penalties = (Bottleneck(capacity=0.1, start=0.1, step=1e-5),)  # further terms of the critic's loss
    optimizer: Optimizing = RMSprop(lr=1e-4, alpha=0.99)  # how both players step
    average: Averaging | None = Decay(0.999)  # how the averaged generator follows
    batch: int = 64  # images in one move of the critic


# "VGAN-GP" is with R1, not with WGAN-GP's penalty. Their 10 has no half before it, so gamma is 20.
r1 = VGAN(penalties=(Bottleneck(), R1(weight=20.0)))
