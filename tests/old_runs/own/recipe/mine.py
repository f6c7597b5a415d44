"""A recipe of one's own as people wrote it for 0.1.0."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from saddle.batches import Images
from saddle.core import Judge, Judged, Memory, Mistake, Paper, Recipe, Shape, leaf, numbered, require, rows, wide
from saddle.games import Adversarial
from saddle.networks.dense import Perceptron
from saddle.optim import Adam
from saddle.penalties.slopes import norm


@dataclass(frozen=True)
class Steep:
    """The squared slope at points of its own."""

    weight: float = 1.0
    every: int = 1
    loss: ClassVar[str] = "critic"
    slopes: ClassVar[str] = "elsewhere"

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        return norm(judge(leaf((real.sample + fake.sample) / 2))).square().mean()


class MeanMemory(Memory):
    """Remembers the mean score of the reals."""

    weight, every, loss, slopes = 1.0, 1, "critic", "nowhere"

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        return 0.01 * (rows(real.score, real.score).mean() - self.mean).square()

    def notice(self, real: Judged, fake: Judged) -> Tensor:
        return real.score.mean()

    def learn(self, mean: Tensor) -> None:
        self.mean.copy_(mean)

    def shown(self) -> dict[str, Tensor]:
        return {"mean": self.mean}


@dataclass(frozen=True)
class Mean:
    weight: float = 1.0
    every: int = 1
    loss: ClassVar[str] = "critic"
    slopes: ClassVar[str] = "nowhere"

    def memory(self) -> MeanMemory:
        return MeanMemory()


@dataclass(frozen=True)
class Mine(Recipe[Images]):
    paper = Paper("me", 2026, arxiv="")
    width: int = 8
    batch: int = 16

    def game(self, data: Shape) -> Adversarial:
        nets = Perceptron(latent=4, width=self.width, depth=1)
        return Adversarial(nets.generator(data), nets.critic(data), nets.latent, penalties=(Steep(), Mean()))

    def steps(self, player: str) -> Adam:
        return Adam(lr=2e-4)
