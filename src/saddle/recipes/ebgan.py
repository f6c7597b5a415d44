"""EBGAN: the critic is an autoencoder, and its error an energy, low on the data."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Objective, Penalties
from ..networks import Autoencoding, DenseAutoencoding
from ..objectives import Energy
from ..optim import Adam
from ..penalties import PullingAway
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class EBGAN(Versus):
    """On dense networks. Energies are distances, roots of sums over all pixels: a margin grows with the image."""

    paper = Paper("Zhao, Mathieu & LeCun", 2016, arxiv="1609.03126")

    networks: Networks = DenseAutoencoding()  # generator and critic; widths of ours
    objective: Objective = Energy(margin=10.0)  # how scores become losses; the margin: theirs on MNIST, from memory
    generator_penalties: Penalties = (PullingAway(weight=0.1),)  # further terms of the generator's loss; the paper's
    optimizer: Optimizing = Adam(lr=1e-3, betas=(0.5, 0.999))  # how both players step; the rate is a choice of ours


# With the paper's layers: convolutions down to an eighth, and back. The steps are DCGAN's.
convolutional = EBGAN(networks=Autoencoding(), optimizer=Adam(lr=2e-4, betas=(0.5, 0.999)))
