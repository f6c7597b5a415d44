"""GAN-QP: a quadratic potential in place of a Lipschitz constraint; no slopes, no clipping."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Objective, Penalties
from ..games import Turns
from ..networks import Convolutional
from ..objectives import Wasserstein
from ..optim import Adam
from ..penalties import QuadraticPotential
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class GANQP(Versus):
    """The critic's loss is -d + d^2 / (2 lambda |x - y|) for the difference d of a pair's scores."""

    paper = Paper("Su", 2018, arxiv="1811.07296")

    networks: Networks = Convolutional(latent=128, width=64)  # generator and critic; 128: the author's code
    objective: Objective = Wasserstein()  # how scores become losses; the linear part
    penalties: Penalties = (QuadraticPotential(scale=10.0),)  # further terms of the critic's loss; lambda
    turns: Turns = Turns(critic=2)  # moves of each player in a round; the author's code
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.5, 0.999))  # how both players step; the author's code
