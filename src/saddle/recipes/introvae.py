"""IntroVAE: a variational autoencoder whose encoder tells what is made from what is real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from ..batches import Images
from ..games import Introspective as BaseGame
from ..games import IntroVAE as Game
from ..networks import ResidualAutoencoder, count_latents
from ..optim import Adam
from ..recipe import EncoderNetworks, Optimizing, Paper, Recipe
from ..shape import Shape

G = TypeVar("G", bound=BaseGame)


@dataclass(frozen=True)
class Introspective(Recipe[Images]):
    """What IntroVAE and Soft-IntroVAE have in common."""

    networks: EncoderNetworks = ResidualAutoencoder()  # encoder and generator
    reconstruction: float = 1.0  # weight of |x - x_r|^2
    kl: float = 1.0  # weight of all divergences that are lowered
    negative: float = 1.0  # weight of those that are raised
    warm_up: int = 0  # images that are shown to a plain variational autoencoder of these weights before
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.9, 0.999))  # how both step
    batch: int = 16  # images in one move of each

    def play(self, kind: type[G], data: Shape, **own: Any) -> G:
        """A game of this kind with new networks."""
        nets = self.networks
        players = nets.encoder(data, kind.numbers), nets.generator(data)
        return kind(*players, count_latents(nets, data), self.reconstruction, self.kl, self.negative,
                    warm_up=self.warm_up, **own)  # fmt: skip

    def steps(self, player: str) -> Optimizing:
        return self.optimizer


@dataclass(frozen=True)
class IntroVAE(Introspective):
    """As the authors' code has it for 256 pixels. A margin is in nats of a whole code: few pixels want a lower one."""

    paper = Paper("Huang, Li, He, Sun & Tan", 2018, arxiv="1807.06358")

    networks: EncoderNetworks = ResidualAutoencoder(latent=512, width=32)  # encoder and generator
    reconstruction: float = 0.0125  # weight of |x - x_r|^2; their 0.05 is for pixels in [0, 1], a quarter of these
    negative: float = 0.5  # weight of the divergences that the encoder raises, against those that it lowers
    margin: float = 120.0  # the divergence up to which it raises that of fakes, m

    def game(self, data: Shape) -> Game:
        return self.play(Game, data, margin=self.margin)


# The authors' for 1024 pixels; they warm up for four epochs, of 30,000 faces.
large = IntroVAE(
    networks=ResidualAutoencoder(latent=512, width=16),
    reconstruction=0.0025,
    negative=1.0,
    margin=500.0,
    warm_up=120_000,
    batch=12,
)
