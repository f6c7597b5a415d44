"""AC-GAN: the critic also names the class, of real samples and of fakes, and the generator wants it named right."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Penalties
from ..networks import Classifying, ClassifyingConvolutional, Convolutional
from ..optim import Adam
from ..penalties import Classification
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class ACGAN(Versus):
    """On DCGAN's networks; the preset `cifar` has the paper's, from memory."""

    paper = Paper("Odena, Olah & Shlens", 2016, arxiv="1610.09585")

    networks: Networks = Classifying(Convolutional(latent=100, width=64))  # generator and critic
    penalties: Penalties = (Classification(1.0),)  # further terms of the critic's loss; L_C
    generator_penalties: Penalties = (Classification(1.0),)  # further terms of the generator's loss; L_C
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.5, 0.999))  # how both players step; from memory


# The paper's networks for 32x32 pixels, from memory.
cifar = ACGAN(networks=ClassifyingConvolutional(), batch=100)
