"""The penalty of critics that see a sample through a noisy code: what the code may tell is limited."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..core import InputGrad, Judge, Judged, LossSide, Memory, upcast
from ..errors import Mistake, require


@dataclass(frozen=True)
class Bottleneck:
    """beta times what the critic's code tells of a sample, KL(code | N(0, 1)), its mean over reals and fakes.

    beta follows by dual ascent: after each move of the critic it rises by step (KL - capacity), and is never below 0.
    Peng et al. 2018, as in the authors' code, where KL is summed over channels and averaged over places, and the
    constant -beta capacity is left out. Raises Mistake for a critic without such a code.
    """

    capacity: float = 0.1  # I_c: nats that a place may tell; theirs on CIFAR-10, CelebA-HQ and LSUN, 0.2 on CelebA
    start: float = 0.1  # beta at first; the authors' code
    step: float = 1e-5  # of beta; the authors' code
    weight: ClassVar[float] = 1.0
    every: ClassVar[int] = 1
    loss: ClassVar[LossSide] = "critic"
    input_grad: ClassVar[InputGrad] = "nowhere"

    def __post_init__(self) -> None:
        for name in ("capacity", "start", "step"):
            value = getattr(self, name)
            fits = value >= 0 and (name == "capacity" or value < math.inf)
            require(fits, f"Bottleneck's {name} is {value}, but should be 0 or more")

    def memory(self) -> BottleneckMemory:
        return BottleneckMemory(self)


class BottleneckMemory(Memory):
    """beta, and the KL that it last heard of."""

    weight: ClassVar[float] = 1.0
    every: ClassVar[int] = 1
    loss: ClassVar[LossSide] = "critic"
    input_grad: ClassVar[InputGrad] = "nowhere"
    beta: Tensor
    kl: Tensor

    def __init__(self, value: Bottleneck) -> None:
        super().__init__()
        self.capacity, self.step = value.capacity, value.step
        self.register_buffer("beta", torch.tensor(value.start))
        self.register_buffer("kl", torch.zeros(()))

    def forward(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        return self.beta.clone() * self.observe(real, fake)

    def observe(self, real: Judged, fake: Judged) -> Tensor:
        return (mean_kl(real) + mean_kl(fake)) / 2

    def update(self, mean: Tensor) -> None:
        self.kl.copy_(mean)
        self.beta.add_(self.step * (self.kl - self.capacity)).clamp_(min=0)

    def logged(self) -> Mapping[str, Tensor]:
        return {"beta": self.beta, "kl": self.kl}


def mean_kl(at: Judged) -> Tensor:
    """The mean over the batch of what codes tell, in nats a place."""
    if "kl" not in at.more:
        raise Mistake("Bottleneck needs a critic with a noisy code, but this one has none; give networks that have, "
                      "such as Bottlenecked(DampedResidual())")  # fmt: skip
    return upcast(at.more["kl"]).mean()
