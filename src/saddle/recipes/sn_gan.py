"""SN-GAN: a critic whose every layer is divided by its spectral norm."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Objective
from ..games import Turns
from ..networks import ResNet, SpectralConvolutional
from ..objectives import Hinge
from ..optim import Adam, Linear
from ..recipe import Networks, Optimizing, Paper
from .versus import Versus


@dataclass(frozen=True)
class SNGAN(Versus):
    """The authors' plain networks for 32x32 pixels. Their generator answers with 128 fakes, here with 64.

    They add noise below one grey level to the reals; here there is none.
    """

    paper = Paper("Miyato et al.", 2018, arxiv="1802.05957")

    networks: Networks = SpectralConvolutional(latent=128, width=64)  # generator and critic; their table of 32x32 CNNs
    objective: Objective = Hinge()  # how scores become losses
    turns: Turns = Turns(critic=5)  # moves of each player in a round; the authors' code
    optimizer: Optimizing = Adam(lr=Linear(2e-4, 0.0), betas=(0.0, 0.9))  # how both players step; the authors' code
    batch: int = 64  # images in one move of the critic; the authors' code


# Their residual networks for 32x32 pixels.
residual = SNGAN(networks=ResNet(width_generator=256, spectral="critic", head="sum"))
