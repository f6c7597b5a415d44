"""The variational autoencoder: codes are normal distributions, kept close to the one that samples are made from."""

from __future__ import annotations

from dataclasses import dataclass

from ..batches import Images
from ..clock import Number
from ..core import Remembers
from ..games import VariationalAutoencoder
from ..networks import ConvolutionalAutoencoder, DenseAutoencoder, count_latents
from ..objectives import Bernoulli, Gaussian, LearnedGaussian
from ..objectives.likelihoods import Likelihood, check_suits
from ..optim import Adam
from ..recipe import EncoderNetworks, Optimizing, Paper, Recipe
from ..shape import Shape


@dataclass(frozen=True)
class VAE(Recipe[Images]):
    """On convolutions of ours; the preset `dense` has the paper's layers. Both terms are in nats, of whole images."""

    paper = Paper("Kingma & Welling", 2013, arxiv="1312.6114")

    networks: EncoderNetworks = ConvolutionalAutoencoder(latent=32, width=32)  # encoder and generator
    likelihood: Likelihood | Remembers[Likelihood] = Bernoulli()  # how likely an image is, given its latent
    beta: Number = 1.0  # weight of the divergence from the prior; 1 is the paper's bound
    optimizer: Optimizing = Adam(lr=1e-3, betas=(0.9, 0.999))  # how all step
    batch: int = 64  # images in one move

    def game(self, data: Shape) -> VariationalAutoencoder:
        generator, encoder = self.networks.generator(data), self.networks.encoder(data, VariationalAutoencoder.numbers)
        check_suits(self.likelihood, generator, data)
        latent = count_latents(self.networks, data)
        return VariationalAutoencoder(encoder, generator, latent, self.likelihood, self.beta)

    def steps(self, player: str) -> Optimizing:
        return self.optimizer


# One hidden layer of 500 and codes of 20, the paper's for MNIST from memory; its steps were another kind's.
dense = VAE(networks=DenseAutoencoder(latent=20, widths=(500,)), batch=100)

# Codes of two numbers, so that all of them lie in a plane.
plane = VAE(networks=DenseAutoencoder(latent=2, widths=(512, 256)))

# Normal pixels of a fixed deviation: the smaller, the more the copies count against the prior.
gaussian = VAE(likelihood=Gaussian(std=0.2))

# Normal pixels whose deviation is learned too, so that nothing has to be chosen.
sigma = VAE(likelihood=LearnedGaussian(std=0.3))

# Points in the plane, with codes of two numbers and a deviation that is learned.
toy = VAE(networks=DenseAutoencoder(latent=2, widths=(128, 128)), likelihood=LearnedGaussian(std=0.3), batch=256)
