"""R3GAN: a relativistic loss with slopes penalised on both sides; nothing else is needed."""

from __future__ import annotations

from dataclasses import dataclass

from ..averaging import HalfLife
from ..core import Objective, Penalties
from ..layers.priors import Uniform
from ..networks import GroupedResidual, Perceptron
from ..objectives import Relativistic
from ..optim import Adam, Cosine, Geometric, Over
from ..penalties import R1, R2
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus

BURN_IN = 20_000_000  # images over which the authors' schedules run


@dataclass(frozen=True)
class R3GAN(Versus):
    """The method on a small pair of theirs, for a small machine; the preset `cifar` has the authors' schedules."""

    paper = Paper("Huang et al.", 2024, arxiv="2501.05441")

    networks: Networks = GroupedResidual(latent=64, width=96)  # generator and critic; an eighth of the authors' width
    objective: Objective = Relativistic()  # how scores become losses; a real against a fake
    penalties: Penalties = (R1(weight=1.0), R2(weight=1.0))  # further terms of the critic's loss; theirs at 64x64 is 2
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.0, 0.99))  # how both players step; the authors' first rate
    batch: int = 64  # images in one move of the critic


# The authors' setting for CIFAR-10, without its labels and its augmentation; the half-life rises to 5M images.
gamma = Over(Cosine(0.05, 0.005), BURN_IN)
cifar = R3GAN(
    networks=GroupedResidual(latent=64, width=768),
    penalties=(R1(gamma), R2(gamma)),
    optimizer=Adam(Over(Cosine(2e-4, 5e-5), BURN_IN), (0.0, Over(Cosine(0.9, 0.99), BURN_IN))),
    average=HalfLife(Over(Cosine(0.0, 5e6), BURN_IN), ramp=None),
    batch=512,
)

# Points in the plane: the same choices of ours as in the preset `toy` of R1GAN, for the same reasons.
falling = Geometric(0.1, 1e-4)
toy = R3GAN(
    networks=Perceptron(latent=2, width=128, bias=0.6),
    penalties=(R1(falling), R2(falling)),
    prior=Uniform(bound=3**0.5),
    optimizer=Adam(Cosine(5e-3, 2.5e-4), (0.0, 0.99)),
    batch=256,
)
