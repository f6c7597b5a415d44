"""Penalties on the critic's scores alone: against their own past, and for labels told wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..clock import Number, check_range
from ..core import InputGrad, Judge, Judged, LossSide, Memory, Objective, check_penalty
from ..errors import require


@dataclass(frozen=True)
class LeCam:
    """Reals score no more than the usual fake, fakes no less than the usual real: their excess, squared.

    Tseng et al. 2021, in the form of the authors' code, where a score on the right side of the other's usual one costs
    nothing. Usual scores begin at 0, a new critic's, and are followed from the first round on.
    """

    weight: Number = 0.3  # how strong; the paper's lambda
    decay: float = 0.9  # of the usual scores, for each move of the critic
    start: int = 1000  # rounds before it begins, so that usual scores settle
    every: int = 1  # due once in so many rounds, and then as many times as strong
    loss: ClassVar[LossSide] = "critic"
    input_grad: ClassVar[InputGrad] = "nowhere"

    def __post_init__(self) -> None:
        check_penalty(self)
        require(0 <= self.decay < 1, f"LeCam's decay is {self.decay}, but should be in [0, 1)")
        require(self.start >= 0, f"LeCam's start is {self.start}, but should be 0 rounds or more")

    def memory(self) -> LeCamMemory:
        return LeCamMemory(self)


class LeCamMemory(Memory):
    """The exponential averages of mean real and mean fake scores."""

    loss: ClassVar[LossSide] = "critic"
    input_grad: ClassVar[InputGrad] = "nowhere"
    weight: Number
    every: int
    usual: Tensor  # (2,): a real score, a fake one

    def __init__(self, value: LeCam) -> None:
        super().__init__()
        self.weight, self.every, self.decay, self.start = value.weight, value.every, value.decay, value.start
        self.register_buffer("usual", torch.zeros(2))

    def forward(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        usual_real, usual_fake = self.usual.unbind()
        if judge.clock.read(lambda now: now.round < self.start):
            return real.score.new_zeros(())
        return (real.score - usual_fake).relu().square().mean() + (usual_real - fake.score).relu().square().mean()

    def observe(self, real: Judged, fake: Judged) -> Tensor:
        return torch.stack([real.score.mean(), fake.score.mean()])

    def update(self, mean: Tensor) -> None:
        self.usual.lerp_(mean.to(self.usual), 1 - self.decay)

    def logged(self) -> Mapping[str, Tensor]:
        return dict(zip(("real", "fake"), self.usual, strict=True))


@dataclass(frozen=True)
class Swapped:
    """The game's objective with real and fake exchanged, less the objective: a weight of p flips labels at rate p.

    It is the exact expectation, without random numbers, and with a schedule as its weight the flips are annealed.
    Flips bound the critic's logits by log((1 - p) / p); they do not make a game converge that does not by itself.
    """

    objective: Objective  # the game's own
    weight: Number = 0.05  # the rate, below one half
    every: int = 1  # due once in so many rounds, and then as many times as strong
    loss: ClassVar[LossSide] = "critic"
    input_grad: ClassVar[InputGrad] = "nowhere"

    def __post_init__(self) -> None:
        check_penalty(self)
        check_range(self.weight, "Swapped's weight", 0, 0.5, "labels flipped at a rate of one half tell nothing true")

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        critic = self.objective.critic
        return critic(fake.score, real.score) - critic(real.score, fake.score)
