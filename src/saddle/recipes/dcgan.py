"""DCGAN: an all-convolutional generator and critic that train without collapsing."""

from __future__ import annotations

from dataclasses import dataclass

from ..layers.priors import Normal
from ..networks import Convolutional
from ..optim import Adam
from ..recipe import Networks, Optimizing, Paper, Prior
from .versus import Versus


@dataclass(frozen=True)
class DCGAN(Versus):
    """The widely used form of dcgan.torch; the authors' own has kernels of 5x5, twice the width, batches of 128."""

    paper = Paper("Radford, Metz & Chintala", 2016, arxiv="1511.06434")

    networks: Networks = Convolutional(latent=100, width=64)  # generator and critic; dcgan.torch
    prior: Prior = Normal()  # where latents come from; dcgan.torch; the authors have Uniform()
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.5, 0.999))  # how both players step; the authors' and dcgan.torch's
    batch: int = 64  # images in one move of the critic; dcgan.torch
