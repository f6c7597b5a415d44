"""PacGAN: the critic sees several samples at once, so that missing modes show."""

from __future__ import annotations

from dataclasses import dataclass

from ..games import Turns
from ..layers.priors import Normal, Uniform
from ..networks import Convolutional, MaxoutPerceptron, Packed
from ..optim import Adam
from ..recipe import Networks, Optimizing, Paper, Prior
from .versus import Versus


@dataclass(frozen=True)
class PacGAN(Versus):
    """Packs of two on DCGAN's networks, as the authors stack MNIST's digits; theirs are for 28x28 pixels."""

    paper = Paper("Lin et al.", 2017, arxiv="1712.04086")

    networks: Networks = Packed(Convolutional(latent=100, width=64), size=2)  # generator and critic
    prior: Prior = Uniform()  # where latents come from; the authors' code
    turns: Turns = Turns(generator=2)  # moves of each player in a round; the authors' code
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.5, 0.999))  # how both players step; the authors' code
    batch: int = 64  # images in one move of the critic; the authors' code


# Their networks for points in the plane; the beta is that of the library they name, which has had two conventions.
toy = PacGAN(
    networks=Packed(MaxoutPerceptron(), size=2),
    prior=Normal(),
    turns=Turns(),
    optimizer=Adam(1e-4, (0.8, 0.999)),
    batch=100,
)
