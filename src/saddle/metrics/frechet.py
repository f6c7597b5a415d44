"""The Fréchet distance of two sets of features, each taken for a Gaussian (FID, when the features are Inception's)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import require
from .moments import Moments


def frechet_distance(real: Moments | Tensor, fake: Moments | Tensor) -> float:
    """|m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)) with unbiased covariances (Heusel et al. 2017, 1706.08500).

    Takes features (n, d) or their moments, also with fewer rows than dimensions. It is biased upward at small n, so
    name n and d with it: FID, 2048-d, of 10,000 against 50,000. sFID is this of spatial features.
    """
    first = real if isinstance(real, Moments) else Moments.of(real)
    second = fake if isinstance(fake, Moments) else Moments.of(fake)
    return gaussian_frechet_distance(first.mean, first.covariance, second.mean, second.covariance)


def gaussian_frechet_distance(mean1: Tensor, cov1: Tensor, mean2: Tensor, cov2: Tensor) -> float:
    """The squared 2-Wasserstein distance of two Gaussians: means (d,), covariances (d, d), singular ones too."""
    require(
        mean1.shape == mean2.shape and cov1.shape == cov2.shape == (*mean1.shape, *mean1.shape),
        f"the two Gaussians have {len(mean1)} and {len(mean2)} dimensions; they must have the same features",
    )
    mean1, cov1, mean2, cov2 = (t.double().to(mean1.device) for t in (mean1, cov1, mean2, cov2))
    traces = cov1.trace() + cov2.trace()
    return max(0.0, float((mean1 - mean2).square().sum() + traces - 2 * _root_trace(cov1, cov2)))


def _root_trace(cov1: Tensor, cov2: Tensor) -> Tensor:
    """tr((S1 S2)^(1/2)) from symmetric eigenproblems only: with S1 = F F^T, the roots of eig(F^T S2 F)."""
    values, vectors = torch.linalg.eigh(cov1)
    kept = above_rounding(values)
    factor = vectors[:, kept] * values[kept].sqrt()
    inner: Tensor = torch.linalg.eigvalsh(factor.T @ cov2 @ factor)
    return inner[above_rounding(inner)].sqrt().sum()


def above_rounding(values: Tensor) -> Tensor:
    """Which eigenvalues are more than rounding: the root would make 1e-8 of a rounding of 1e-16."""
    if not len(values):
        return torch.zeros(0, dtype=torch.bool, device=values.device)
    return values > values.amax().clamp(min=0) * len(values) * torch.finfo(values.dtype).eps
