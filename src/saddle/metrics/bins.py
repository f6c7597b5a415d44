"""Do samples fill the bins that the data fill?"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import require
from .neighbours import nearest_neighbours


class BinComparison(NamedTuple):
    """Bins whose shares of data and samples differ."""

    different: int  # bins whose shares differ significantly; about level * bins for a perfect sampler
    bins: int
    share: float  # of the bins that differ: NDB / K of the paper
    divergence: float  # Jensen-Shannon, nats, between the two histograms


def different_bins(real: Tensor, fake: Tensor, bins: int = 100, level: float = 0.05, seed: int = 0) -> BinComparison:
    """NDB: a two-proportion z-test in each k-means cell of real features (Richardson and Weiss 2018, 1805.12462)."""
    centres = k_means(real, bins, seed)
    ours, theirs = (
        torch.bincount(nearest_neighbours(rows, centres).which[:, 0], minlength=bins) for rows in (real, fake)
    )
    p, q = ours.double() / len(real), theirs.double() / len(fake)
    both = (ours + theirs).double() / (len(real) + len(fake))
    deviation = (both * (1 - both) * (1 / len(real) + 1 / len(fake))).sqrt()
    limit = math.sqrt(2) * float(torch.erfinv(torch.tensor(1 - level, dtype=torch.float64)))
    different = int(((p - q).abs() > limit * deviation).sum())
    middle = (p + q) / 2
    entropies = [float(-torch.xlogy(share, share).sum()) for share in (middle, p, q)]
    return BinComparison(different, bins, different / bins, entropies[0] - (entropies[1] + entropies[2]) / 2)


def k_means(points: Tensor, count: int, seed: int = 0, steps: int = 50) -> Tensor:
    """Centres (count, d) of points (n, d): seeds far apart (k-means++), then Lloyd's steps until nothing moves."""
    require(1 <= count <= len(points), f"{len(points)} points cannot fill {count} cells; ask for fewer bins")
    dice = torch.Generator().manual_seed(seed)
    points = points.detach()
    centres, cells = _seeds(points, count, dice), None
    for _ in range(steps):
        index = nearest_neighbours(points, centres).which[:, 0]
        if cells is not None and torch.equal(index, cells):
            break
        cells = index
        sums = torch.zeros_like(centres, dtype=torch.float64).index_add_(0, cells, points.double())
        sizes = torch.bincount(cells, minlength=count)[:, None]
        centres = torch.where(sizes > 0, sums / sizes.clamp(min=1), centres.double()).to(points)
    return centres


def _seeds(points: Tensor, count: int, dice: torch.Generator) -> Tensor:
    """Each drawn with odds of its squared distance to those before (Arthur and Vassilvitskii 2007)."""
    chosen = [int(torch.randint(len(points), (), generator=dice))]
    far = torch.full((len(points),), torch.inf, dtype=torch.float64)
    for _ in range(count - 1):
        far = torch.minimum(far, (points - points[chosen[-1]]).double().square().sum(1).cpu())
        odds = far if far.sum() > 0 else torch.ones_like(far)
        drawn = torch.rand((), generator=dice, dtype=torch.float64) * odds.sum()
        chosen.append(min(int(torch.searchsorted(odds.cumsum(0), drawn)), len(points) - 1))
    return points[chosen]
