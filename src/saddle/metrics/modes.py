"""How many modes of a known mixture a generator catches, and how evenly."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..errors import require


class MixtureCoverage(NamedTuple):
    """What became of a mixture's modes. Perfect samples in 2-D are of high quality with probability 0.98889."""

    modes: int  # with at least one point of high quality
    high_quality: (
        float  # share of points nearer than three deviations to a centre; a higher one than above: modes shrunk
    )
    reverse_kl: float  # nats, of the high-quality points over the modes against the even spread; inf without any


def count_mixture_modes(points: Tensor, centres: ArrayLike, std: float) -> MixtureCoverage:
    """Assign points, (n, d) or (n, d, 1, 1), to their nearest centres (k, d), as PacGAN counts (Lin et al. 2017)."""
    points, goals = points.detach().double().flatten(1).cpu(), torch.as_tensor(centres, dtype=torch.float64)
    require(len(points) > 0, "there are no points to count modes of")
    require(
        goals.ndim == 2 and points.shape[1] == goals.shape[1],
        f"points have {points.shape[1]} coordinates, the centres are shaped {tuple(goals.shape)}; they must agree",
    )
    require(std > 0, f"the deviation of a mode must be positive, not {std}")
    distance, mode = torch.cdist(points, goals, compute_mode="donot_use_mm_for_euclid_dist").min(1)
    count = torch.bincount(mode[distance < 3 * std], minlength=len(goals))
    return MixtureCoverage(int((count > 0).sum()), float(count.sum() / len(points)), _unevenness(count))


def _unevenness(count: Tensor) -> float:
    """KL(p || uniform) in nats = log k - entropy; about (k - 1) / 2n for n points of a perfect sampler."""
    if count.sum() == 0:
        return math.inf
    share = count.double() / count.sum()
    return math.log(len(count)) + float(torch.xlogy(share, share).sum())


class ClassCoverage(NamedTuple):
    """What became of modes that a classifier names: classes, or the 1000 triples of stacked digits."""

    modes: int  # that came at least once
    reverse_kl: float  # nats, against the even spread; expected_kl says what a perfect sampler gets


def count_class_modes(names: Tensor, count: int) -> ClassCoverage:
    """Count modes from their numbers (n,), 0 to count - 1; stacked digits a, b, c are 100 a + 10 b + c."""
    names = names.detach().long().flatten().cpu()
    require(len(names) > 0, "there are no samples to count modes of")
    require(int(names.min()) >= 0 and int(names.max()) < count, f"modes are numbered 0 to {count - 1}")
    found = torch.bincount(names, minlength=count)
    return ClassCoverage(int((found > 0).sum()), _unevenness(found))


def expected_reverse_kl(modes: int, samples: int) -> float:
    """The reverse KL, nats, that a perfect sampler has by chance, to first order: .0192 for 1000 modes of 26,000."""
    require(modes > 0 and samples > 0, f"a floor needs modes and samples, not {modes} and {samples}")
    return (modes - 1) / (2 * samples)


def perfect_quality(dimension: int = 2, deviations: float = 3.0) -> float:
    """The share of a normal distribution nearer than that many deviations: .98889 in 2-D; more means shrunk modes."""
    half = torch.tensor([dimension / 2, deviations**2 / 2], dtype=torch.float64)
    return float(torch.special.gammainc(half[0], half[1]))
