"""Can one tell samples from data? Tests that a perfect sampler passes with an accuracy of one half."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import require
from .neighbours import nearest_neighbours, nearest_others


class OneNearestResult(NamedTuple):
    """Leave-one-out accuracy of the nearest neighbour: 1/2 is best, 1 is told apart, below 1/2 is copying."""

    accuracy: float
    real: float  # share of reals whose nearest is real; low: samples crowd around the data
    fake: float  # share of fakes whose nearest is fake; high: samples crowd among themselves


class TwoSampleResult(NamedTuple):
    """What a classifier of real against fake reached on samples it had not seen."""

    accuracy: float
    p_value: float  # chance of so high an accuracy from a perfect sampler
    held_out: int  # samples the accuracy is measured on


def one_nearest_neighbour(real: Tensor, fake: Tensor) -> OneNearestResult:
    """Of features (n, d) on both sides: is the nearest other sample of the same side? (1610.06545)"""
    require(len(real) == len(fake), f"as many samples on both sides are needed, not {len(real)} and {len(fake)}")
    both = torch.cat((real, fake.to(real)))
    side = torch.arange(len(both), device=both.device) < len(real)
    right = (side[nearest_others(both).which[:, 0]] == side).double()
    return OneNearestResult(float(right.mean()), float(right[side].mean()), float(right[~side].mean()))


def classifier_two_sample(
    real: Tensor, fake: Tensor, kind: Literal["logistic", "neighbours"] = "logistic", seed: int = 0
) -> TwoSampleResult:
    """Train on one half of both sides (n, d), measure on the other (Lopez-Paz and Oquab 2017, 1610.06545).

    `neighbours` votes among the square root of the training samples.
    """
    n = min(len(real), len(fake))
    require(n >= 4, f"a test of two samples needs at least 4 on both sides, not {n}")
    dice = torch.Generator().manual_seed(seed)
    sides = [rows[torch.randperm(len(rows), generator=dice)[:n]].detach().double() for rows in (real, fake)]
    seen, unseen = (torch.cat([rows[part] for rows in sides]) for part in (slice(0, n // 2), slice(n // 2, n)))
    truth, goal = (_sides(len(part), part) for part in (seen, unseen))
    middle, scale = seen.mean(0), seen.std(0).clamp(min=1e-12)
    seen, unseen = (seen - middle) / scale, (unseen - middle) / scale
    guess = _logistic(seen, truth, unseen) if kind == "logistic" else _vote(seen, truth, unseen)
    accuracy = float(((guess > 0) == (goal > 0)).double().mean())
    z = (accuracy - 0.5) * math.sqrt(4 * len(goal))
    return TwoSampleResult(accuracy, 0.5 * math.erfc(z / math.sqrt(2)), len(goal))


def _sides(n: int, like: Tensor) -> Tensor:
    """+1 for the first half, the reals, and -1 for the others."""
    return torch.where(torch.arange(n, device=like.device) < n // 2, 1.0, -1.0).double()


def _logistic(seen: Tensor, truth: Tensor, unseen: Tensor) -> Tensor:
    """Scores of a logistic regression with a ridge of one over the number of samples."""
    weight = seen.new_zeros(seen.shape[1] + 1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = F.softplus(-truth * (seen @ weight[1:] + weight[0])).mean() + weight[1:].square().sum() / len(seen)
        torch.autograd.backward(value)
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return unseen @ weight.detach()[1:] + weight.detach()[0]


def _vote(seen: Tensor, truth: Tensor, unseen: Tensor) -> Tensor:
    k = math.isqrt(len(seen))
    k -= 1 - k % 2  # an odd number of votes cannot be even
    return truth[nearest_neighbours(unseen, seen, k).which].sum(1)
