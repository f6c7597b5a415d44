"""Relativistic GANs: real and fake are scored against each other."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Objective
from ..objectives import LeastSquares, NonSaturating, Relativistic
from ..optim import Adam
from ..recipe import Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class RSGAN(Versus):
    """Every real against its partner among the fakes; on DCGAN's networks."""

    paper = Paper("Jolicoeur-Martineau", 2018, arxiv="1807.00734")

    objective: Objective = Relativistic(NonSaturating())  # how scores become losses; pairs are compared
    optimizer: Optimizing = Adam(lr=1e-4, betas=(0.5, 0.999))  # how both players step; the author's code, CIFAR-10
    batch: int = 32  # images in one move of the critic; the author's code


# Every sample against the mean of the other side: RaSGAN and RaLSGAN.
average = RSGAN(objective=Relativistic(NonSaturating(), average=True))
average_squares = RSGAN(objective=Relativistic(LeastSquares(-1, 1, 1, scale=1.0), average=True))
