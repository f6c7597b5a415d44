"""Quality and variety apart: how much of the samples lies among the data, and of the data among the samples."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import require
from .neighbours import copy_slack, nearest_others, rounding_slack, squared_distances


class PrecisionRecall(NamedTuple):
    precision: float  # share of fakes inside a ball of the reals
    recall: float  # share of reals inside a ball of the fakes


class DensityCoverage(NamedTuple):
    density: float  # balls of the reals a fake lies in, over k; about 1 for a perfect sampler, may be more
    coverage: float  # share of reals with a fake in their ball


def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> PrecisionRecall:
    """Of features (n, d): a ball reaches to the k-th nearest of its own set (Kynkäänniemi et al. 2019, 1904.06991).

    As many samples on both sides are asked for: the larger side's balls would be smaller.
    """
    return manifold_metrics(real, fake, k, k)[0]


def density_coverage(real: Tensor, fake: Tensor, k: int = 5) -> DensityCoverage:
    """Of features (n, d) and (m, d): the variant that one outlier cannot sway (Naeem et al. 2020, 2002.09797).

    Its balls are open, as in the authors' code; those of precision and recall have their border, as in theirs.
    """
    hits = _hits(real, fake, None, _radii(real, k)[:, -1])
    return DensityCoverage(float(hits.balls.double().mean()) / k, _share(hits.covered))


def manifold_metrics(real: Tensor, fake: Tensor, k: int = 3, dense: int = 5) -> tuple[PrecisionRecall, DensityCoverage]:
    """Precision and recall with k, density and coverage with `dense`, from one pass over the distances."""
    require(len(real) == len(fake), f"precision and recall compare equal numbers, not {len(real)} and {len(fake)}")
    ours = _radii(real, max(k, dense))
    hits = _hits(real, fake, (ours[:, k - 1], _radii(fake, k)[:, -1]), ours[:, dense - 1])
    return (
        PrecisionRecall(_share(hits.precise), _share(hits.recalled)),
        DensityCoverage(float(hits.balls.double().mean()) / dense, _share(hits.covered)),
    )


def expected_coverage(n: int, m: int, k: int) -> float:
    """Coverage of a perfect sampler: 1 - C(n-1, k) / C(n+m-1, k) for n reals and m fakes (order statistics)."""
    miss = 1.0
    for i in range(k):
        miss *= (n - 1 - i) / (n + m - 1 - i)
    return 1 - miss


class _Hits(NamedTuple):
    balls: Tensor  # (m,) balls of reals that each fake lies in
    covered: Tensor  # (n,) bool: reals with a fake in their ball
    precise: Tensor  # (m,) bool: fakes in a real's ball
    recalled: Tensor  # (n,) bool: reals in a fake's ball


def _radii(features: Tensor, k: int) -> Tensor:
    """Squared, (n, k)."""
    return nearest_others(features, k).distance.square()


def _hits(real: Tensor, fake: Tensor, pair: tuple[Tensor, Tensor] | None, dense: Tensor) -> _Hits:
    """One pass over all distances, with squared radii: the reals' and the fakes' for recall, the reals' for density."""
    balls, precise, none = [], [], torch.zeros(len(real), dtype=torch.bool, device=dense.device)
    covered, recalled = none.clone(), none.clone()
    least = copy_slack(real, fake)
    for rows, squares in squared_distances(fake, real):
        wider = rounding_slack(squares)
        inside = squares < (dense / wider).to(squares)
        balls.append(inside.sum(1))
        covered |= inside.any(0)
        if pair is not None:
            reals, fakes = ((radii * wider).clamp(min=least).to(squares) for radii in pair)
            precise.append((squares <= reals).any(1))
            recalled |= (squares <= fakes[rows, None]).any(0)
    return _Hits(torch.cat(balls), covered, torch.cat(precise) if precise else none, recalled)


def _share(mask: Tensor) -> float:
    return float(mask.double().mean())
