"""WGAN-GP: a Wasserstein critic held near slope one between real and fake."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Objective, Penalties
from ..games import Turns
from ..networks import Convolutional, Convolutional5, Perceptron, ResNet
from ..objectives import Wasserstein
from ..optim import Adam, Linear
from ..penalties import GradientPenalty
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class WGANGP(Versus):
    """The authors' settings for 64x64 pixels, on DCGAN's networks; presets follow their other code."""

    paper = Paper("Gulrajani et al.", 2017, arxiv="1704.00028")

    networks: Networks = Convolutional(latent=128, width=64, normal=False)  # generator and critic; no norm: section 4
    objective: Objective = Wasserstein()  # how scores become losses; equation 3, its first two terms
    penalties: Penalties = (GradientPenalty(weight=10.0),)  # further terms of the critic's loss; equation 3, lambda
    turns: Turns = Turns(critic=5)  # moves of each player in a round; n_critic of algorithm 1
    optimizer: Optimizing = Adam(lr=1e-4, betas=(0.0, 0.9))  # how both players step; (0, 0.9): algorithm 1
    batch: int = 64  # images in one move of the critic; m of algorithm 1


# The authors' gan_toy.py: points in the plane.
toy = WGANGP(Perceptron(), penalties=(GradientPenalty(0.1),), optimizer=Adam(1e-4, (0.5, 0.9)), batch=256)

# Their gan_mnist.py: 28x28 pixels.
mnist = WGANGP(Convolutional5(width=64, normal_generator=False), optimizer=Adam(1e-4, (0.5, 0.9)), batch=50)

# Their gan_cifar_resnet.py: 32x32 pixels. Their generator answers with 128 fakes, twice what the critic is shown; here
# with as many as the critic's. They add noise below one grey level to the reals; here there is none.
cifar = WGANGP(ResNet(), optimizer=Adam(Linear(2e-4, 0.0), (0.0, 0.9)))
