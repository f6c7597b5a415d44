"""Feature matching: the generator only makes the critic's mean features of fakes those of the data."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Objective, Penalties
from ..networks import Convolutional
from ..objectives import CriticAlone
from ..optim import Adam
from ..penalties import FeatureMatching
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class FeatureMatchingGAN(Versus):
    """On DCGAN's networks, with the rate of the authors' code for CIFAR-10, which compares by absolute values.

    Theirs was for a classifier of few labels; this is the game without it.
    """

    paper = Paper("Salimans et al.", 2016, arxiv="1606.03498")

    networks: Networks = Convolutional(latent=100, width=64)  # generator and critic
    objective: Objective = CriticAlone()  # how scores become losses; the generator's is its penalty
    generator_penalties: Penalties = (FeatureMatching(weight=1.0),)  # further terms of the generator's loss
    optimizer: Optimizing = Adam(lr=3e-4, betas=(0.5, 0.999))  # how both players step; the authors' code
    batch: int = 100  # images in one move of the critic; the authors' code
