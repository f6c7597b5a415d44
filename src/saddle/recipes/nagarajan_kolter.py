"""The gradient-norm regulariser: the generator also keeps the critic's gradient small."""

from __future__ import annotations

from dataclasses import dataclass

from ..games import NagarajanKolter
from ..networks import Convolutional, OrthogonalPerceptron
from ..objectives import Minimax
from ..optim import Adam
from ..recipe import Networks, Optimizing, Paper
from ..shape import Shape
from .versus import Versus


@dataclass(frozen=True)
class NagarajanKolterGAN(Versus):
    """On DCGAN's networks without batch norm in the critic; the preset `toy` is the authors' for points."""

    paper = Paper("Nagarajan & Kolter", 2017, arxiv="1706.04156")

    networks: Networks = Convolutional(latent=100, width=64, normal=False)  # generator and critic
    eta: float = 0.5  # weight of the critic's squared gradient; the authors' code
    optimizer: Optimizing = Adam(lr=1e-4, betas=(0.5, 0.999))  # how both players step; the authors' code

    def game(self, data: Shape) -> NagarajanKolter:
        return self.play(NagarajanKolter, data, eta=self.eta)


# Points in the plane: the authors' networks, whose critic sees a quarter of each coordinate, and their batch.
toy = NagarajanKolterGAN(
    networks=OrthogonalPerceptron(activation="relu", gain=0.8, depth_critic=1, shrink=4.0),
    objective=Minimax(),
    batch=512,
)
