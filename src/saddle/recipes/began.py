"""BEGAN: a critic that autoencodes, kept in proportion to the generator by a controller."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Objective
from ..games import Balanced
from ..layers.priors import Uniform
from ..networks import MirroredAutoencoding
from ..objectives import Wasserstein
from ..optim import Adam, Exponential
from ..recipe import Networks, Optimizing, Paper, Prior
from ..shape import Shape
from .versus import Versus

RATE = Exponential(start=8e-5, factor=2**1e-5, floor=2e-5)  # carpedm20's is halved every 100,000 rounds, there at once


@dataclass(frozen=True)
class BEGAN(Versus):
    """The published rules, on the networks and steps of carpedm20's code; there is none of the authors.

    A small gamma makes sharper samples that are less diverse. The log shows k and M, the measure of convergence.
    """

    paper = Paper("Berthelot, Schumm & Metz", 2017, arxiv="1703.10717")

    networks: Networks = MirroredAutoencoding(latent=64, width=128)  # generator and critic; 64 channels for small ones
    objective: Objective = Wasserstein()  # how scores become losses; with minus an error, the paper's
    gamma: float = 0.5  # the error of fakes as a share of that of reals; theirs are from 0.3 to 0.7
    rate: float = 1e-3  # how fast k follows; the paper's lambda_k
    prior: Prior = Uniform(bound=1.0)  # where latents come from
    optimizer: Optimizing = Adam(lr=RATE, betas=(0.9, 0.999))  # how both players step; carpedm20's code
    batch: int = 16  # images in one move of the critic; carpedm20's code

    def game(self, data: Shape) -> Balanced:
        return self.play(Balanced, data, gamma=self.gamma, rate=self.rate)
