"""A mixture of normal distributions: its density, whose a point is, and the two steps of EM. Dempster et al. 1977."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from .gaussian_code import LOG_2PI

RIDGE = 1e-6  # added to each variance, so that a component of few points keeps one
LOST = 1e-9  # share of all points below which rounding is all that moments still tell


class Mixture(NamedTuple):
    """k normal distributions in d dimensions with their weights."""

    log_weights: Tensor  # (k,)
    means: Tensor  # (k, d)
    factors: Tensor  # (k, d, d), lower: each covariance is L L^T

    def log_joint(self, x: Tensor) -> Tensor:
        """log of weight times density, (n, k), at points (n, d)."""
        apart = (x[:, None] - self.means).transpose(0, 1).transpose(1, 2)  # (k, d, n)
        whitened = torch.linalg.solve_triangular(self.factors, apart, upper=False)
        half_det = self.factors.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        found: Tensor = self.log_weights + (-whitened.square().sum(1).T - x.shape[1] * LOG_2PI) / 2 - half_det
        return found

    def log_density(self, x: Tensor) -> Tensor:
        """(n,), in nats."""
        return self.log_joint(x).logsumexp(1)

    def shares(self, x: Tensor) -> Tensor:
        """Which component each point is likely to be of, (n, k); rows add up to one. The E-step."""
        return self.log_joint(x).softmax(1)

    def moments(self, x: Tensor) -> Tensor:
        """Means over points (n, d) of share, share x and share x x^T, for each component: (k, 1 + d + d d)."""
        one = torch.ones(len(x), 1, dtype=x.dtype, device=x.device)
        products = (x[:, :, None] * x[:, None]).flatten(1)
        return self.shares(x).T @ torch.cat((one, x, products), 1) / len(x)

    def draw(self, z: Tensor) -> Tensor:
        """A point (n, d) of each row of normals (n, 1 + d): the first says of which component it is."""
        ends = self.log_weights.exp().cumsum(0)[:-1]
        chosen = torch.searchsorted(ends, torch.special.ndtr(z[:, 0]).contiguous(), right=True)
        return self.means[chosen] + (self.factors[chosen] @ z[:, 1:, None]).squeeze(2)


def maximise(moments: Tensor, ridge: float = RIDGE) -> Mixture:
    """The mixture that is likeliest given whose the points are, of which the moments tell. The M-step."""
    d = round(math.sqrt(moments.shape[1] - 0.75) - 0.5)
    found, first, second = torch.split(moments.where(moments[:, :1] > LOST, 0), [1, d, d * d], dim=1)
    share = found.clamp_min(torch.finfo(found.dtype).tiny)  # a component that has lost all points keeps no weight
    means = first / share
    covariances = (second / share).view(-1, d, d) - means[:, :, None] * means[:, None]
    variances, axes = torch.linalg.eigh(covariances)  # what rounding has made of nought may lie below it
    factors = torch.linalg.cholesky(axes @ torch.diag_embed(variances.clamp_min(0) + ridge) @ axes.mT)
    return Mixture(share.log().log_softmax(0)[:, 0], means, factors)
