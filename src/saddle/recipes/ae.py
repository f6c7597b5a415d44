"""The plain autoencoder: few numbers of each image, from which it is made again."""

from __future__ import annotations

from dataclasses import dataclass

from ..batches import Images
from ..core import Remembers
from ..games import Autoencoder
from ..networks import ConvolutionalAutoencoder, DenseAutoencoder, count_latents
from ..objectives import SquaredError
from ..objectives.likelihoods import Likelihood, check_suits
from ..optim import Adam
from ..recipe import EncoderNetworks, Optimizing, Paper, Recipe
from ..shape import Shape


@dataclass(frozen=True)
class AE(Recipe[Images]):
    """On convolutions of ours; the preset `dense` has the paper's layers. It makes nothing out of chance."""

    paper = Paper("Hinton & Salakhutdinov", 2006, arxiv="")

    networks: EncoderNetworks = ConvolutionalAutoencoder(latent=64, width=32)  # encoder and generator
    likelihood: Likelihood | Remembers[Likelihood] = SquaredError()  # what is minimised of an image and its copy
    optimizer: Optimizing = Adam(lr=1e-3, betas=(0.9, 0.999))  # how both step
    batch: int = 64  # images in one move

    def game(self, data: Shape) -> Autoencoder:
        generator = self.networks.generator(data)
        check_suits(self.likelihood, generator, data)
        return Autoencoder(self.networks.encoder(data), generator, count_latents(self.networks, data), self.likelihood)

    def steps(self, player: str) -> Optimizing:
        return self.optimizer


# The paper's layers for MNIST, 784-1000-500-250-30 and back, with rectifiers and without layer-wise beginnings.
dense = AE(networks=DenseAutoencoder(latent=30, widths=(1000, 500, 250)))
