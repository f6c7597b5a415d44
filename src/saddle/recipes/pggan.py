"""PGGAN: a Wasserstein critic and its generator grow from 4 pixels a side to the data's size."""

from __future__ import annotations

from dataclasses import dataclass

from ..averaging import Averaging, Decay
from ..core import Objective, Penalties
from ..games.progressive import ProgressiveGrowing
from ..networks import Progressive
from ..objectives import Wasserstein
from ..optim import Adam
from ..penalties import Drift, GradientPenalty
from ..recipe import Networks, Optimizing, Paper
from ..shape import Shape
from .growing import Growing


@dataclass(frozen=True)
class PGGAN(Growing):
    """The authors' settings for one GPU, without labels. A run of 12 million images of 1024 pixels is theirs."""

    paper = Paper("Karras et al.", 2017, arxiv="1710.10196")

    networks: Networks = Progressive()  # generator and critic; they grow
    objective: Objective = Wasserstein()  # how scores become losses
    penalties: Penalties = (GradientPenalty(10.0), Drift(1e-3))  # further terms of the critic's loss
    optimizer: Optimizing = Adam(lr=1e-3, betas=(0.0, 0.99))  # how both players step; anew at each size
    average: Averaging | None = Decay(0.999)  # how the averaged generator follows; the authors'

    def game(self, data: Shape) -> ProgressiveGrowing:
        return self.grow(ProgressiveGrowing, data)
