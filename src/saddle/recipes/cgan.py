"""CGAN: both players are told the class; with the lecture's two ways to go wrong."""

from __future__ import annotations

from dataclasses import dataclass

from ..batches import Images
from ..core import Objective
from ..games import Regression
from ..layers.priors import Normal, Uniform
from ..networks import Concatenated, ConditionalDense, Convolutional
from ..objectives import NonSaturating
from ..optim import SGD, Adam, Exponential, Ramp
from ..recipe import Networks, Optimizing, Paper, Prior, Recipe
from ..shape import Shape
from .versus import Versus


@dataclass(frozen=True)
class CGAN(Versus):
    """On DCGAN's networks, the label beside the latent and beside the pixels; the preset `dense` is the paper's."""

    paper = Paper("Mirza & Osindero", 2014, arxiv="1411.1784")

    networks: Networks = Concatenated(Convolutional(latent=100, width=64))  # generator and critic
    objective: Objective = NonSaturating()  # how scores become losses; of samples beside their labels
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.5, 0.999))  # how both players step; DCGAN's


# The paper's networks and steps for MNIST, from memory; how fast the momentum rises, as in the first GAN's code.
dense = CGAN(
    networks=ConditionalDense(),
    prior=Uniform(bound=1.0),
    optimizer=SGD(Exponential(0.1, 1.00004, floor=1e-6), Ramp(0.5, 0.7, rounds=125_000)),
    batch=100,
)

# A critic that is not told: then nothing makes the generator listen.
blind = CGAN(networks=Concatenated(Convolutional(latent=100, width=64), critic_sees_label=False))


@dataclass(frozen=True)
class LabelRegression(Recipe[Images]):
    """No critic at all: the squared error from a label to its images, whose best answer is their blurred mean."""

    paper = CGAN.paper

    networks: Networks = Concatenated(Convolutional(latent=100, width=64))  # whose generator this is
    prior: Prior = Normal()  # where latents come from
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.5, 0.999))  # how the generator steps
    batch: int = 64  # images in one move

    def game(self, data: Shape) -> Regression:
        return Regression(self.networks.generator(data), self.networks.latent, self.prior)

    def steps(self, player: str) -> Optimizing:
        return self.optimizer
