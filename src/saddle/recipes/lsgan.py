"""LSGAN: least squares in place of cross-entropy, so that fakes far from the data are pulled in."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Objective
from ..layers.priors import Uniform
from ..networks import Convolutional
from ..objectives import PEARSON, LeastSquares
from ..optim import Adam
from ..recipe import Networks, Optimizing, Paper, Prior
from .versus import Versus


@dataclass(frozen=True)
class LSGAN(Versus):
    """On DCGAN's networks. The authors' code sums the loss over the batch; here it is the mean."""

    paper = Paper("Mao et al.", 2016, arxiv="1611.04076")

    networks: Networks = Convolutional(latent=1024, width=64)  # generator and critic; 1024: the authors' code
    objective: Objective = LeastSquares()  # how scores become losses; a=0, b=c=1: the authors' code
    prior: Prior = Uniform()  # where latents come from; the authors' code
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.5, 0.999))  # how both players step; their HWDB (1e-3 on LSUN)
    batch: int = 64  # images in one move of the critic; the authors' code


# The coding whose optimum is Pearson's chi-squared divergence: a=-1, b=1, c=0.
pearson = LSGAN(objective=PEARSON)
