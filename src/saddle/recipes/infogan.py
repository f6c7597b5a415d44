"""InfoGAN: part of each latent is codes, and samples are made so that these can be told from them."""

from __future__ import annotations

from dataclasses import dataclass

from ..games import InfoGAN as Game
from ..layers.latent_codes import LatentCodes
from ..layers.priors import Uniform
from ..networks import Convolutional, Inferring
from ..optim import Adam
from ..recipe import Networks, Optimizing, Paper, Prior
from ..shape import Shape
from .versus import Versus


@dataclass(frozen=True)
class InfoGAN(Versus):
    """The paper's codes and steps for MNIST, on DCGAN's networks; nobody says what a category or a number means."""

    paper = Paper("Chen et al.", 2016, arxiv="1606.03657")

    networks: Networks = Inferring(Convolutional(latent=62, width=64), LatentCodes(10, 2))  # generator, critic with Q
    prior: Prior = Uniform(bound=1.0)  # where noise comes from; the authors' code
    discrete: float = 1.0  # weight of what Q knows of the category; the paper's lambda
    continuous: float = 0.1  # weight of what Q knows of the numbers; from the paper too
    optimizer: Optimizing = Adam(lr=1e-3, betas=(0.5, 0.999))  # how the generator steps; the paper's
    critic_optimizer: Optimizing | None = Adam(lr=2e-4, betas=(0.5, 0.999))  # how the critic steps, and Q
    batch: int = 128  # images in one move; the authors' code

    def game(self, data: Shape) -> Game:
        return self.play(Game, data, discrete=self.discrete, continuous=self.continuous)
