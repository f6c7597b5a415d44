"""Samplers of the ring whose faults are known, so that one sees which figure notices which fault."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..data.toys import sample_toy, toy_modes
from ..errors import require
from ..metrics.frechet import frechet_distance
from ..metrics.manifold import precision_recall
from ..metrics.modes import count_mixture_modes

LOST_FIRST = (1, 3, 5, 7, 2, 6, 4)  # every second mode, which leaves the mean and the covariance as they are


class Judgement(NamedTuple):
    """What figures say of some points beside the ring's."""

    modes: int
    frechet: float
    precision: float
    recall: float


def faulty_ring(missing: int, blur: float, n: int = 1000) -> Tensor:
    """n points (n, 2) of the ring without so many of its eight modes, each mode `blur` times as wide."""
    require(0 <= missing <= len(LOST_FIRST), f"{missing} modes of the ring cannot be missing, but 0 to 7 can")
    modes, dice = toy_modes("ring"), torch.Generator().manual_seed(0)
    kept = torch.tensor([i for i in range(len(modes.centres)) if i not in LOST_FIRST[:missing]])
    chosen = kept[torch.arange(n) % len(kept)]
    noise = torch.randn(n, 2, generator=dice, dtype=torch.float64)
    return torch.from_numpy(modes.centres)[chosen] + blur * modes.std * noise


def judge_ring(points: Tensor) -> Judgement:
    """Modes, Fréchet distance of the coordinates, precision and recall (5 neighbours), against fresh data."""
    real = torch.from_numpy(sample_toy("ring", len(points), 1)).double().flatten(1)
    found = precision_recall(real, points, 5)
    return Judgement(count_mixture_modes(points, *toy_modes("ring")).modes, frechet_distance(real, points), *found[:2])
