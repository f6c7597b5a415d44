"""R1: a logistic GAN that converges, by a penalty on the critic's slope at real samples."""

from __future__ import annotations

from dataclasses import dataclass

from ..averaging import Decay
from ..core import Penalties
from ..layers.priors import Uniform
from ..networks import Convolutional, DampedResidual, Perceptron
from ..optim import Adam, Cosine, Geometric, RMSprop
from ..penalties import R1
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class R1GAN(Versus):
    """The authors' steps and penalty, on DCGAN's networks without batch norm in the critic.

    The penalty is gamma/2 times the mean squared slope. The authors' code multiplies by its 10 without the half.
    Their own networks are --networks "DampedResidual()".
    """

    paper = Paper("Mescheder, Geiger & Nowozin", 2018, arxiv="1801.04406")

    networks: Networks = Convolutional(latent=256, width=64, normal=False)  # generator and critic; 256: their code
    penalties: Penalties = (R1(weight=10.0),)  # further terms of the critic's loss; gamma as the paper quotes it
    optimizer: Optimizing = RMSprop(lr=1e-4, alpha=0.99)  # how both players step; the authors' code
    batch: int = 64  # images in one move of the critic; the authors' code


# The authors' networks and batch for ImageNet at 128 pixels: two blocks at each size, a score for each class.
imagenet = R1GAN(
    networks=DampedResidual(latent=256, width=64, widest=1024, blocks=2, embedding=256),
    average=Decay(0.999),
    batch=128,
)

# Points in the plane, for runs of 5000 rounds, under a minute: choices of ours, all of them. Deviations of the modes
# are a fortieth of their distance and less. A strong penalty keeps the critic too flat to see those, a weak one loses
# modes at the start, so gamma goes from strong to weak. Biases away from zero let units bend all over the plane, and
# latents from a square spread more evenly than from a hill.
gamma = Geometric(0.1, 1e-4)
toy = R1GAN(
    networks=Perceptron(latent=2, width=128, bias=0.6),
    penalties=(R1(gamma),),
    prior=Uniform(bound=3**0.5),
    optimizer=Adam(Cosine(5e-3, 2.5e-4), (0.0, 0.99)),
    batch=256,
)
