"""WGAN: the earth mover's distance, by a critic whose weights are clipped."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Constraint, Objective
from ..games import Clip, Turns
from ..networks import Convolutional
from ..objectives import Wasserstein
from ..optim import Burst, RMSprop
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class WGAN(Versus):
    """The authors' settings. Their code clips before each of the critic's moves, their algorithm, as here, after it."""

    paper = Paper("Arjovsky, Chintala & Bottou", 2017, arxiv="1701.07875")

    networks: Networks = Convolutional(latent=100, width=64)  # generator and critic; DCGAN's, batch norm and all
    objective: Objective = Wasserstein()  # how scores become losses; algorithm 1
    constraint: Constraint = Clip(0.01)  # what holds after each of the critic's moves; the authors' code
    turns: Turns = Turns(critic=Burst(high=100, low=5, first=25, again=500))  # moves of each player; the authors' code
    optimizer: Optimizing = RMSprop(lr=5e-5)  # how both players step; the authors' code
    batch: int = 64  # images in one move of the critic; the authors' code
