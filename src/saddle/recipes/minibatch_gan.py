"""Minibatch discrimination: the critic is told how alike the samples of a batch are."""

from __future__ import annotations

from dataclasses import dataclass

from ..networks import Convolutional, MinibatchDiscriminating
from ..optim import Adam
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class MinibatchGAN(Versus):
    """On DCGAN's networks; the paper's own serve its semi-supervised classifier."""

    paper = Paper("Salimans et al.", 2016, arxiv="1606.03498")

    networks: Networks = MinibatchDiscriminating(Convolutional(), kernels=100, size=5)  # generator and critic; B and C
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.5, 0.999))  # how both players step; DCGAN's
