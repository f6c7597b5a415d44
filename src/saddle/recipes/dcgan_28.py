"""DCGAN for 28x28 pixels, the size of MNIST, without padding, pooling or dense layers."""

from __future__ import annotations

from dataclasses import dataclass

from ..networks import AllConvolutional28
from ..optim import Adam
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class DCGAN28(Versus):
    """A small tutorial network often met, with the activations between its layers that it lacked."""

    paper = Paper("Radford, Metz & Chintala", 2016, arxiv="1511.06434")

    networks: Networks = AllConvolutional28(latent=100, width=64)  # generator and critic
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.5, 0.999))  # how both players step; the paper
    batch: int = 256  # images in one move of the critic
