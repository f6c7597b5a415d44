"""SAGAN: attention between distant places, spectral normalisation in both players, two rates."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Objective
from ..networks import ResNet
from ..objectives import Hinge
from ..optim import Adam
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class SAGAN(Versus):
    """For 32x32 pixels and without labels; sagan-imagenet is the authors' own for 128x128 pixels and classes.

    The second beta is the paper's, from memory; the authors' code leaves it at 0.999.
    """

    paper = Paper("Zhang et al.", 2018, arxiv="1805.08318")

    networks: Networks = ResNet(  # generator and critic; SN-GAN's with attention, both normalised
        width_generator=256, attention=16, spectral="both", head="sum"
    )
    objective: Objective = Hinge()  # how scores become losses
    optimizer: Optimizing = Adam(lr=1e-4, betas=(0.0, 0.9))  # how the generator steps; the authors'
    critic_optimizer: Optimizing = Adam(lr=4e-4, betas=(0.0, 0.9))  # how the critic steps; the authors'
    batch: int = 64  # images in one move of the critic; theirs, on each of four GPUs


# The authors' for ImageNet at 128 pixels: they attend at 32, the generator's gains are each class's, and the critic is
# told the class by a projection.
imagenet = SAGAN(
    networks=ResNet(width=64, widest=1024, attention=32, conditional=True, spectral="both", head="projection"),
    batch=256,
)
