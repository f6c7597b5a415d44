"""The projection critic: a class's vector against the features, as the log ratio of classes has it."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Objective
from ..games import Turns
from ..networks import ResNet
from ..objectives import Hinge
from ..optim import Adam, Linear
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class ProjectionGAN(Versus):
    """SN-GAN's residual networks for 32x32 pixels, with conditional batch norm in the generator."""

    paper = Paper("Miyato & Koyama", 2018, arxiv="1802.05637")

    networks: Networks = ResNet(  # generator and critic
        width_generator=256, conditional=True, spectral="critic", head="projection"
    )
    objective: Objective = Hinge()  # how scores become losses
    turns: Turns = Turns(critic=5)  # moves of each player in a round; the authors' code
    optimizer: Optimizing = Adam(lr=Linear(2e-4, 0.0), betas=(0.0, 0.9))  # how both players step; as SN-GAN's
    batch: int = 64  # images in one move of the critic; the authors' code, in all
