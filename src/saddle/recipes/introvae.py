"""IntroVAE: a variational autoencoder whose encoder tells what is made from what is real."""

from __future__ import annotations

from dataclasses import dataclass

from ..batches import Images
from ..games import IntroVAE as Game
from ..networks import ResidualAutoencoder
from ..optim import Adam
from ..recipe import EncoderNetworks, Optimizing, Paper, Recipe
from ..shape import Shape


@dataclass(frozen=True)
class IntroVAE(Recipe[Images]):
    """As the authors' code has it for 256 pixels; at 1024 theirs is width 16, margin 500, negative 1, an error of a
    fifth, four epochs of warming up, and batch 12. A margin is in nats of a whole code: few pixels want a lower one.
    """

    paper = Paper("Huang, Li, He, Sun & Tan", 2018, arxiv="1807.06358")

    networks: EncoderNetworks = ResidualAutoencoder(latent=512, width=32)  # encoder and generator
    reconstruction: float = 0.0125  # weight of |x - x_r|^2; their 0.05 is for pixels in [0, 1], a quarter of these
    kl: float = 1.0  # weight of all divergences
    negative: float = 0.5  # how much what the encoder raises counts, against what it lowers
    margin: float = 120.0  # the divergence to which it raises that of fakes, m
    warm_up: int = 0  # images that are shown to a plain variational autoencoder of these weights before
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.9, 0.999))  # how both step
    batch: int = 16  # images in one move of each

    def game(self, data: Shape) -> Game:
        nets = self.networks
        players = nets.encoder(data, Game.numbers), nets.generator(data)
        return Game(*players, nets.latent, self.reconstruction, self.kl, self.negative, self.margin, self.warm_up)

    def steps(self, player: str) -> Optimizing:
        return self.optimizer
