"""GAT: transformers against transformers, on pictures of several depths, at a rate that falls with the width."""

from __future__ import annotations

from dataclasses import dataclass

from ..averaging import Averaging, Decay
from ..core import Objective, Penalties
from ..games import MultiLevel
from ..layers.noise_levels import LevelAugment, NestedNoise
from ..networks import PatchTransformer
from ..objectives import Relativistic
from ..optim import Adam, Clipped, Scaled
from ..penalties import R1, R2
from ..recipe import Optimizing, Paper
from ..shape import Shape
from .versus import Versus

FULL_WIDTH = 768  # at which the authors' rate is what they write


@dataclass(frozen=True)
class GAT(Versus):
    """Small, and on pixels; the authors' plays on an autoencoder's codes, 512 at a time, beside features of DINOv2.

    Rates are those at 768 numbers in a token; each is used times 768 over the networks' width, as in the paper.
    """

    paper = Paper("Hyun, Lee & Heo", 2025, arxiv="2509.24935")

    networks: PatchTransformer = PatchTransformer()  # generator and critic
    objective: Objective = Relativistic()  # how scores become losses; a real against a fake
    penalties: Penalties = (R1(weight=0.1), R2(weight=0.1))  # further terms of the critic's loss; theirs by differences
    noise: NestedNoise = NestedNoise()  # what hides the pictures of each depth from the critic
    augment: LevelAugment | None = LevelAugment()  # how the critic's pictures are changed at random; none: not at all
    optimizer: Optimizing = Clipped(Adam(lr=2e-4, betas=(0.0, 0.99)), norm=1.0)  # how both step, by the rule of width
    average: Averaging | None = Decay(0.999)  # how the averaged generator follows; theirs
    batch: int = 64  # images in one move of the critic; theirs is 512

    def game(self, data: Shape) -> MultiLevel:
        game = self.play(MultiLevel, data, noise=self.noise, augment=self.augment)
        if self.augment:
            self.augment.suits(data)
        return game

    def steps(self, player: str) -> Optimizing:
        return Scaled(super().steps(player), FULL_WIDTH / self.networks.width)
