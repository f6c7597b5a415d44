"""Objectives made of objectives: scores compared with each other, and labels told wrong."""

from __future__ import annotations

from dataclasses import dataclass
from math import isclose
from typing import ClassVar

import torch
from torch import Tensor

from ..core import Objective, require
from .logistic import NonSaturating


@dataclass(frozen=True)
class Relativistic:
    """Scores are compared, not judged alone: a real's less a fake's, a fake's less a real's. Jolicoeur-Martineau 2018.

    Both players have the base's critic loss, halved, the generator with real and fake exchanged. So a base must cost a
    real at s what it costs a fake at -s, and its generator must want of fakes what its critic wants of reals; one that
    does not is refused. NonSaturating() gives RSGAN and, averaged, RaSGAN; LeastSquares(-1, 1, 1) and Hinge() fit too.
    """

    base: Objective = NonSaturating()  # NonSaturating(), LeastSquares(-1, 1, 1), Hinge()
    average: bool = False  # against the other side's mean, over the part of a batch played at once; else its partner
    paired: ClassVar[bool] = True

    def __post_init__(self) -> None:
        comparable(self.base)

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        other_fake, other_real = (fake.mean(), real.mean()) if self.average else (fake, real)
        return self.base.critic(real - other_fake, fake - other_real) / 2

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.critic(fake, real)


@dataclass(frozen=True)
class Flipped:
    """The critic is told the opposite of the truth at this rate; the generator's loss is the base's own.

    It is the exact expectation over flips of each label by itself, without random numbers. With NonSaturating it
    bounds the best logit by log((1 - rate) / rate). It does not make a game converge that does not by itself.
    """

    base: Objective = NonSaturating()  # what is played but for the flips
    rate: float = 0.05  # how many labels are wrong, below one half; the penalty Swapped takes a schedule

    def __post_init__(self) -> None:
        require(0 <= self.rate < 0.5, f"Flipped's rate is {self.rate}, but should be in [0, 0.5): half tells nothing")

    @property
    def paired(self) -> bool:
        return self.base.paired

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        return (1 - self.rate) * self.base.critic(real, fake) + self.rate * self.base.critic(fake, real)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.base.generator(real, fake)


@dataclass(frozen=True)
class CriticAlone:
    """The critic's loss is the base's; the generator hears nothing of scores and learns by its penalties alone."""

    base: Objective = NonSaturating()  # what the critic plays
    paired: ClassVar[bool] = False

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.base.critic(real, fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0 * fake.mean()


def comparable(base: Objective) -> None:
    """Refuse a base that loses its meaning when scores become differences; tried out, so that yours may come too."""
    known = "give NonSaturating(), LeastSquares(-1, 1, 1) or Hinge()"
    require(not base.paired, f"{base} compares scores already; {known}")

    def critic(real: float, fake: float) -> float:
        return base.critic(score(real), score(fake)).item()

    sizes = (0.3, 3.0, 30.0, 300.0, 3000.0)
    scores = [(sign * size, size / 3) for size in sizes for sign in (1, -1)]
    mirrored = all(isclose(critic(r, f), critic(-f, -r), rel_tol=1e-9, abs_tol=1e-9) for r, f in scores)
    require(mirrored, f"{base} costs a real at s not what it costs a fake at -s, so it cannot compare them; {known}")

    # from one score to another, both within any margin, and not opposite: sp(s) - sp(-s) is s for every softplus
    wants = (base.generator(score(0), score(0.5)) - base.generator(score(0), score(0.1))).item()
    same = isclose(wants, critic(0.5, 0) - critic(0.1, 0), rel_tol=1e-9, abs_tol=1e-9)
    why = "whose generator wants of fakes something else than its critic of reals"
    require(same, f"Relativistic lets the generator play the critic's loss, so it cannot take {base}, {why}; {known}")


def score(value: float) -> Tensor:
    return torch.tensor([value], dtype=torch.float64, device="cpu")
