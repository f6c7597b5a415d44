"""How many different samples can a generator make? The birthday paradox gives a lower bound."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import require
from .neighbours import nearest_others


class BirthdayTest(NamedTuple):
    """Collisions within batches of one size."""

    collided: float  # share of batches with a pair nearer than the threshold
    batches: int
    size: int
    support: float  # s^2 / (2 log(1 / (1 - collided))): the support of an even sampler; inf without a collision


class ClosePair(NamedTuple):
    first: int
    second: int
    distance: float


def birthday_test(features: Tensor, size: int, threshold: float, seed: int = 0) -> BirthdayTest:
    """Collisions in disjoint batches of `size` features (n, d) (Arora and Zhang 2017, 1706.08224).

    A collision at rate 1/2 means a support of about size^2 / (2 log 2). The threshold decides what counts as the same:
    look at `closest_pairs` first.
    """
    batches = len(features) // size if size > 0 else 0
    require(size >= 2 and batches >= 1, f"batches of {size} need 2 samples or more and fit into {len(features)}")
    order = torch.randperm(len(features), generator=torch.Generator().manual_seed(seed))[: batches * size]
    hits = [closest_pairs(features[part], 1)[0].distance <= threshold for part in torch.split(order, size)]
    share = sum(hits) / batches
    return BirthdayTest(share, batches, size, estimate_support(share, size))


def estimate_support(collided: float, size: int) -> float:
    """The number of equally likely samples at which batches of `size` collide with that probability; 0 if all do."""
    if collided <= 0:
        return math.inf
    return 0.0 if collided >= 1 else size**2 / (2 * -math.log1p(-collided))


def closest_pairs(features: Tensor, count: int) -> list[ClosePair]:
    """The pairs of samples (n, d) most alike, nearest first, each sample with its nearest, to be looked at."""
    found = nearest_others(features)
    distance, other = found.distance[:, 0], found.which[:, 0]
    pairs: dict[tuple[int, int], float] = {}
    for i in distance.sort(stable=True).indices.tolist():
        pairs.setdefault((min(i, int(other[i])), max(i, int(other[i]))), float(distance[i]))
        if len(pairs) == count:
            break
    return [ClosePair(first, second, apart) for (first, second), apart in pairs.items()]
