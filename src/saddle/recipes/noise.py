"""Noise for the critic: on what it sees, which gives both sides a common support, and on what it is told."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Penalties, Views
from ..games import NoisyReals
from ..layers.views import Noise
from ..networks import Convolutional
from ..objectives import NonSaturating
from ..optim import Linear
from ..penalties import Swapped
from ..recipe import Networks, Paper
from ..shape import Shape
from .versus import Versus


@dataclass(frozen=True)
class InstanceNoise(Versus):
    """Fresh noise on reals and fakes, on every look, from this strength to none; on DCGAN's networks."""

    paper = Paper("Soenderby et al.", 2016, arxiv="1610.04490")

    networks: Networks = Convolutional(latent=100, width=64)  # generator and critic
    views: Views = (Noise(Linear(0.3, 0.0)),)  # what the critic sees of each sample; the strength is a choice of ours


@dataclass(frozen=True)
class NoiseOnReals(Versus):
    """The lecture's ablation: noise on the reals alone, which the generator then learns to make too."""

    paper = InstanceNoise.paper

    networks: Networks = Convolutional(latent=100, width=64)  # generator and critic
    noise: Noise = Noise(0.3)  # what is added to each real

    def game(self, data: Shape) -> NoisyReals:
        return self.play(NoisyReals, data, noise=self.noise)


@dataclass(frozen=True)
class LabelNoise(Versus):
    """A share of the critic's labels told wrong, in expectation, annealed; it bounds the critic, no more."""

    paper = Paper("a lecture's rule; its nearest kin is Salimans et al.'s label smoothing", 2016, arxiv="1606.03498")

    networks: Networks = Convolutional(latent=100, width=64)  # generator and critic
    penalties: Penalties = (Swapped(NonSaturating(), Linear(0.1, 0.0)),)  # further terms of the critic's loss
