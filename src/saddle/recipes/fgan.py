"""f-GAN: any f-divergence, estimated by the critic and lowered by the generator."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Objective
from ..networks import Convolutional
from ..objectives import FDivergence
from ..optim import Adam
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class FGAN(Versus):
    """On DCGAN's networks, with the generator's alternative loss; a divergence is given by its name."""

    paper = Paper("Nowozin, Cseke & Tomioka", 2016, arxiv="1606.00709")

    networks: Networks = Convolutional(latent=100, width=64)  # generator and critic; as on LSUN, from memory
    objective: Objective = FDivergence("jensen-shannon", alternative=True)  # which divergence, and the loss it becomes
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.5, 0.999))  # how both players step; from memory


# The same for another divergence, by its name.
kl = FGAN(objective=FDivergence("kl", alternative=True))
reverse_kl = FGAN(objective=FDivergence("reverse-kl", alternative=True))
pearson = FGAN(objective=FDivergence("pearson", alternative=True))
hellinger = FGAN(objective=FDivergence("hellinger", alternative=True))
