"""BigGAN: classes told to every layer, a part of the latent to every block, and samples within a threshold."""

from __future__ import annotations

from dataclasses import dataclass

from ..averaging import Averaging, Decay
from ..core import Objective
from ..games import Truncating, Turns
from ..networks import BigResNet
from ..objectives import Hinge
from ..optim import Adam, Orthogonal
from ..recipe import Networks, Optimizing, Paper
from ..shape import Shape
from .versus import Versus


@dataclass(frozen=True)
class BigGAN(Versus):
    """For 128x128 pixels, as the authors' port to PyTorch trains it; their batch is of eight accumulated parts.

    The paper's own has half the rates and two moves of the critic. The orthogonal penalty is the paper's, with its true
    gradient, on all the generator's matrices but the shared embedding; the port adds half of it, if any.
    """

    paper = Paper("Brock, Donahue & Simonyan", 2018, arxiv="1809.11096")

    networks: Networks = BigResNet()  # generator and critic
    objective: Objective = Hinge()  # how scores become losses
    optimizer: Optimizing = Orthogonal(Adam(lr=1e-4, betas=(0.0, 0.999), eps=1e-6), 1e-4)  # how the generator steps
    critic_optimizer: Optimizing | None = Adam(lr=4e-4, betas=(0.0, 0.999), eps=1e-6)  # how the critic steps
    average: Averaging | None = Decay(0.9999, after=20_000)  # how the averaged generator follows
    batch: int = 2048  # images in one move of the critic

    def game(self, data: Shape) -> Truncating:
        return self.play(Truncating, data)


# The port's for CIFAR-10: no part of the latent for the blocks, whose gains are each class's own.
cifar = BigGAN(
    networks=BigResNet(latent=128, width=64, shared=0, attention=0, init="normal"),
    turns=Turns(critic=4),
    optimizer=Adam(lr=2e-4, betas=(0.0, 0.999)),
    critic_optimizer=Adam(lr=2e-4, betas=(0.0, 0.999)),
    average=Decay(0.9999, after=1000),
    batch=50,
)
