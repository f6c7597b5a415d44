"""DCGAN: an all-convolutional generator and critic that train without collapsing."""

from __future__ import annotations

from dataclasses import dataclass

from ..batches import Images
from ..core import Networks, Objective, Paper, Penalties, Prior, Recipe, Shape
from ..games import Adversarial, Turns
from ..layers.priors import Normal
from ..networks import Convolutional
from ..objectives import NonSaturating
from ..optim import Adam


@dataclass(frozen=True)
class DCGAN(Recipe[Images]):
    """The widely used form of dcgan.torch; the authors' own has kernels of 5x5, twice the width, batches of 128."""

    paper = Paper("Radford, Metz & Chintala", 2016, arxiv="1511.06434")

    networks: Networks = Convolutional(latent=100, width=64)  # generator and critic; dcgan.torch
    objective: Objective = NonSaturating()  # how scores become losses
    penalties: Penalties = ()  # further terms of the critic's loss; those of slopes want Convolutional(normal=False)
    prior: Prior = Normal()  # where latents come from; dcgan.torch; the authors have Uniform()
    turns: Turns = Turns()  # moves of each player in a round: one each
    adam: Adam = Adam(lr=2e-4, betas=(0.5, 0.999))  # both players' steps; the authors' and dcgan.torch's
    batch: int = 64  # images in one move of the critic; dcgan.torch

    def game(self, data: Shape) -> Adversarial:
        G, D, latent = self.networks.generator(data), self.networks.critic(data), self.networks.latent
        return Adversarial(G, D, latent, self.objective, self.penalties, prior=self.prior, turns=self.turns)

    def optimizer(self, player: str) -> Adam:
        return self.adam
