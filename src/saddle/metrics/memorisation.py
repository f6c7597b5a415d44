"""Are samples new, or copies of what was trained on?"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import require
from .neighbours import nearest_neighbours

TYPICAL_SAMPLES = 1000  # training samples, evenly spaced, that say how far data lie from one another


class Memorisation(NamedTuple):
    """How near samples come to the training data, in the features' own distance."""

    which: Tensor  # (n,) the training sample nearest to each sample
    distance: Tensor  # (n,) how far that is; 0 for a copy
    ratio: Tensor  # (n,) over that training sample's own distance to its nearest other; below 1: nearer than data lie
    median_ratio: float  # median distance over the training data's median; about 1 for new data, 0 for copies
    authenticity: float  # share of samples with a ratio above 1; 1/2 or more for new data, 0 for copies
    copies: float  # share of samples nearer than the nearest percent of training pairs: about 0.01 for new data

    def most_copied(self, count: int) -> Tensor:
        """The samples to look at beside their neighbours: (count,) rows of the samples, smallest ratio first."""
        return self.ratio.sort(stable=True).indices[:count]


def measure_memorisation(train: Tensor, samples: Tensor) -> Memorisation:
    """Compare samples (n, d) with all training data (m, d); authenticity is that of Alaa et al. 2022 (2102.08921).

    Held-out data put in the place of samples tell what a perfect sampler would get. The paper's number is from memory.
    """
    require(len(train) >= 2, f"the training data need at least 2 samples, not {len(train)}")
    distance, which = (column[:, 0] for column in nearest_neighbours(samples, train))
    asked, place = torch.unique(which, return_inverse=True)
    some = torch.arange(0, len(train), -(-len(train) // TYPICAL_SAMPLES), device=train.device)
    own = torch.cat([asked, some])
    gaps = nearest_neighbours(train[own], train, own=own).distance[:, 0]
    apart, between = gaps[: len(asked)][place], gaps[len(asked) :]
    # A training sample with a twin has no distance of its own: a copy of it is a copy, anything else is not.
    ratio = torch.where(apart > 0, distance / apart, torch.where(distance > 0, torch.inf, 0.0).to(distance))
    close, typical = between.kthvalue(max(1, len(between) // 100)).values, between.median()
    require(bool(typical > 0), "most training samples have a twin: there is no distance between them to compare with")
    return Memorisation(
        which,
        distance,
        ratio,
        float(distance.median() / typical),
        float((ratio > 1).double().mean()),
        float((distance <= close).double().mean()),
    )
