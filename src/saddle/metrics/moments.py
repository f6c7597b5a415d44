"""Mean and covariance of features as they come, in parts that can be put together again."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import require

COLUMNS_AT_ONCE = 256  # columns of a product at a time
ROWS_AT_ONCE = 4096  # taken in at once, so that the float64 copy of a large batch stays small


class Moments:
    """Count, mean (d,) and scatter (d, d), the summed outer products of deviations, of all rows so far; float64."""

    def __init__(self, dimension: int, device: torch.device | str = "cpu") -> None:
        require(dimension > 0, f"features have at least one dimension, not {dimension}")
        self.n = 0
        self.mean = torch.zeros(dimension, dtype=torch.float64, device=device)
        self.scatter = torch.zeros(dimension, dimension, dtype=torch.float64, device=device)

    @classmethod
    def of(cls, features: Tensor) -> Moments:
        """The moments of all rows of a matrix (n, d)."""
        require(features.ndim == 2, f"features are a matrix (n, d), not shaped {tuple(features.shape)}")
        moments = cls(features.shape[1], features.device)
        moments.add(features)
        return moments

    def add(self, batch: Tensor) -> None:
        """Take in rows (n, d); raises Mistake for another d or a value that is no number."""
        d = len(self.mean)
        require(batch.ndim == 2 and batch.shape[1] == d, f"features (n, {d}) were expected, not {tuple(batch.shape)}")
        require(
            bool(batch.isfinite().all()), "the features hold a value that is no number: an image is NaN or infinite"
        )
        for rows in torch.split(batch.detach().to(self.mean.device), ROWS_AT_ONCE):
            wide = rows.double()
            mean = wide.mean(0)
            wide = wide - mean
            self._join(len(rows), mean, _gram(wide))

    def merge(self, other: Moments) -> None:
        """Take in what another process, or an earlier one, has seen (Chan, Golub and LeVeque 1983)."""
        require(
            len(other.mean) == len(self.mean), f"moments of {len(other.mean)} and {len(self.mean)} dimensions differ"
        )
        if other.n:
            self._join(other.n, other.mean.to(self.mean), other.scatter.to(self.scatter))

    @property
    def covariance(self) -> Tensor:
        """The unbiased covariance, (d, d)."""
        require(self.n > 1, f"a covariance needs at least 2 samples, not {self.n}")
        return self.scatter / (self.n - 1)

    def _join(self, n: int, mean: Tensor, scatter: Tensor) -> None:
        total, apart = self.n + n, mean - self.mean
        self.mean = self.mean + apart * (n / total)
        self.scatter = self.scatter + scatter + torch.outer(apart, apart) * (self.n * n / total)
        self.n = total


def _gram(rows: Tensor) -> Tensor:
    """rows.T @ rows, (d, d): the half above the diagonal computed, the other its mirror."""
    d = rows.shape[1]
    product = rows.new_zeros(d, d)
    for start in range(0, d, COLUMNS_AT_ONCE):
        torch.mm(
            rows[:, start : start + COLUMNS_AT_ONCE].T,
            rows[:, start:],
            out=product[start : start + COLUMNS_AT_ONCE, start:],
        )
    return product.triu() + product.triu(1).T
