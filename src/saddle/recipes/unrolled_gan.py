"""Unrolled GAN: the generator answers the critic of some steps ahead."""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Objective
from ..games import Unrolled
from ..networks import Convolutional, OrthogonalPerceptron
from ..objectives import Minimax
from ..optim import SGD, Adam
from ..recipe import Networks, Paper
from ..shape import Shape
from .versus import Versus


@dataclass(frozen=True)
class UnrolledGAN(Versus):
    """On DCGAN's networks without batch norm in the critic; the preset `toy` is the authors' for points."""

    paper = Paper("Metz et al.", 2016, arxiv="1611.02163")

    networks: Networks = Convolutional(latent=100, width=64, normal=False)  # generator and critic
    objective: Objective = Minimax()  # how scores become losses; the authors' code: one value for both players
    K: int = 5  # steps of the critic that the generator foresees; the authors' code
    inner: SGD | Adam = SGD(0.01)  # how the critic is expected to step; a choice of ours

    def game(self, data: Shape) -> Unrolled:
        return self.play(Unrolled, data, K=self.K, inner=self.inner)


# Points in the plane: the authors' networks and steps; the batch is from memory.
toy = UnrolledGAN(
    networks=OrthogonalPerceptron(),
    optimizer=Adam(1e-3, (0.5, 0.999)),
    critic_optimizer=Adam(1e-4, (0.5, 0.999)),
    inner=Adam(1e-4, (0.5, 0.999)),
    batch=512,
)
