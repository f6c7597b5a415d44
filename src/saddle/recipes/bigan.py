"""BiGAN: an encoder learns beside the generator, against a critic of images and codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from ..averaging import Averaging, HalfLife
from ..batches import Images
from ..core import Objective
from ..games import BiGAN as Game
from ..layers.priors import Uniform
from ..networks import Bidirectional, DenseBidirectional
from ..objectives import NonSaturating
from ..optim import Adam
from ..recipe import Optimizing, PairNetworks, Paper, Prior, Recipe
from ..shape import Shape

G = TypeVar("G", bound=Game)


@dataclass(frozen=True)
class BiGAN(Recipe[Images]):
    """On convolutions; the preset `dense` has the paper's networks for MNIST."""

    paper = Paper("Donahue, Krähenbühl & Darrell", 2017, arxiv="1605.09782")

    networks: PairNetworks = Bidirectional(latent=50)  # encoder, generator, and a critic of pairs
    objective: Objective = NonSaturating()  # how scores become the critic's loss; with labels exchanged, the others'
    prior: Prior = Uniform(bound=1.0)  # where latents come from; the authors' code
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.5, 0.999))  # how all players step; the authors' code
    critic_optimizer: Optimizing | None = None  # how the critic steps, if otherwise
    average: Averaging | None = HalfLife()  # how averaged encoder and generator follow, if no --ema says so
    batch: int = 128  # images in one move of the critic; the authors' code

    def game(self, data: Shape) -> Game:
        return self.play(Game, data)

    def play(self, kind: type[G], data: Shape, **more: Any) -> G:
        """A game of this kind with new networks, and what it takes beyond BiGAN's."""
        nets = self.networks
        players = nets.encoder(data, kind.numbers), nets.generator(data), nets.critic(data)
        return kind(*players, nets.latent, self.objective, self.prior, **more)

    def steps(self, player: str) -> Optimizing:
        return self.critic_optimizer if player == "critic" and self.critic_optimizer else self.optimizer


# Their code also decays the weights, by 2.5e-5, and the rate, to a hundredth over its second 200 epochs.
dense = BiGAN(networks=DenseBidirectional())
