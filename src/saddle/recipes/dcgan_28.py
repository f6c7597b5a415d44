"""DCGAN for 28x28 pixels, the size of MNIST, without padding, pooling or dense layers."""

from __future__ import annotations

from dataclasses import dataclass

from ..batches import Images
from ..core import Networks, Objective, Paper, Penalties, Prior, Recipe, Shape
from ..games import Adversarial, Turns
from ..layers.priors import Normal
from ..networks import AllConvolutional28
from ..objectives import NonSaturating
from ..optim import Adam


@dataclass(frozen=True)
class DCGAN28(Recipe[Images]):
    """A small tutorial network often met, with the activations between its layers that it lacked."""

    paper = Paper("Radford, Metz & Chintala", 2016, arxiv="1511.06434")

    networks: Networks = AllConvolutional28(latent=100, width=64)  # generator and critic
    objective: Objective = NonSaturating()  # how scores become losses
    penalties: Penalties = ()  # further terms of the critic's loss
    prior: Prior = Normal()  # where latents come from
    turns: Turns = Turns()  # moves of each player in a round: one each
    adam: Adam = Adam(lr=2e-4, betas=(0.5, 0.999))  # both players' steps; the paper
    batch: int = 256  # images in one move of the critic

    def game(self, data: Shape) -> Adversarial:
        G, D, latent = self.networks.generator(data), self.networks.critic(data), self.networks.latent
        return Adversarial(G, D, latent, self.objective, self.penalties, prior=self.prior, turns=self.turns)

    def optimizer(self, player: str) -> Adam:
        return self.adam
