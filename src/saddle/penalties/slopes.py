"""Penalties on the slope of the critic's score with respect to the sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..core import Judge, Judged, Number, Slopes, exact, leaf, rows, sensible
from ..parts import draw


def slope(at: Judged) -> Tensor:
    """The squared norm of the score's gradient for each score, (len(score),); a map's score is its mean."""
    with exact(at.sample):
        (g,) = torch.autograd.grad(rows(at.score, at.score).mean(1).sum(), at.sample, create_graph=True)
    return rows(g, at.score).square().sum(1)


def between(judge: Judge, real: Judged, fake: Judged) -> Judged:
    """The verdict on one random point of each line from a real sample, or pack of them, to a fake one."""
    x, x_fake = (rows(at.sample, at.score).to(torch.promote_types(at.sample.dtype, torch.float32)) for at in (real, fake))
    return judge(leaf(torch.lerp(x_fake, x, draw(torch.rand, x, 1)).reshape_as(real.sample)))


@dataclass(frozen=True)
class GradientPenalty:
    """Slope one between real and fake. Gulrajani et al. 2017, equation 3."""

    weight: Number = 10.0
    every: int = 1
    slopes: ClassVar[Slopes] = "elsewhere"

    def __post_init__(self) -> None:
        sensible(self)

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        # 1e-12: the root's own slope at zero is infinite
        return ((slope(between(judge, real, fake)) + 1e-12).sqrt() - 1).square().mean()
