"""Adversarial flow: a GAN that carries each latent to a sample of its shape, by the shortest way there is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from ..averaging import Averaging, Decay, HalfLife
from ..core import Objective, Penalties
from ..errors import require
from ..games import AdversarialFlow as Game
from ..games import GradientScale
from ..networks import FlowTransformer, Perceptron
from ..networks.base import with_latent
from ..objectives import Relativistic
from ..optim import Adam, Cosine
from ..penalties import R1, R2, Centring, Transport
from ..recipe import Networks, Optimizing, Paper
from ..shape import Shape
from .versus import Versus


@dataclass(frozen=True)
class AdversarialFlow(Versus):
    """One step from noise to sample, small, and on pixels; the authors' plays on an autoencoder's codes.

    The generator starts from as many numbers as a sample has, whatever its networks say. Theirs decays weights by 0.01,
    penalises the slope at a quarter of the batch by differences, and lets the transport fade over 256M images.
    """

    paper = Paper("Lin et al.", 2025, arxiv="2511.22475")

    networks: Networks = FlowTransformer()  # generator and critic
    objective: Objective = Relativistic()  # how scores become losses; a real against a fake
    penalties: Penalties = (R1(0.5), R2(0.5), Centring(0.01))  # further terms of the critic's loss
    generator_penalties: Penalties = (Transport(Cosine(0.2, 0.005)),)  # further terms of the generator's loss
    scale: GradientScale | None = GradientScale()  # brings what the generator hears of the critic to one size
    optimizer: Optimizing = Adam(lr=1e-4, betas=(0.0, 0.9))  # how both players step; theirs
    average: Averaging | None = Decay(0.9999)  # how the averaged generator follows; theirs
    batch: int = 256  # images in one move of each player

    def game(self, data: Shape) -> Game:
        require(data.text is None, f"latents cannot become {data}; for lines of text there is the recipe gumbel-gan")
        pair = with_latent(self.networks, prod(data[:3]))
        return replace(self, networks=pair).play(Game, data, scale=self.scale)


# Points: the transport ends weak, and the slope's penalty with it.
toy = AdversarialFlow(
    networks=Perceptron(latent=2, width=128, bias=0.6),
    penalties=(R1(0.1), R2(0.1), Centring(0.01)),
    optimizer=Adam(Cosine(2e-3, 1e-4), (0.0, 0.99)),
    average=HalfLife(),
    batch=256,
)
