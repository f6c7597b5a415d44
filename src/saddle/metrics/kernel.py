"""The kernel distance: an unbiased figure from few samples, with its standard error (Bińkowski et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import require
from .estimates import Estimate, mean_of


def kid(real: Tensor, fake: Tensor, *, size: int | None = None, subsets: int | None = None, seed: int = 0) -> Estimate:
    """Mean and standard error of the squared MMD with k(x, y) = (x.y / d + 1)^3 over subsets of features (n, d).

    Without `subsets`, disjoint ones of `size` rows (1,000, or a fifth of the smaller side), which are independent, so
    that the error is honest. With `subsets`, that many random ones, as papers do (100 of 1,000): these overlap, and the
    error is too small. One subset of all samples has no error.
    """
    few = min(len(real), len(fake))
    size = size if size is not None else min(1000, max(2, few // 5))
    require(2 <= size <= few, f"subsets of {size} samples need as many on both sides and at least 2; there are {few}")
    require(subsets is None or subsets > 0, f"at least one subset is needed, not {subsets}")
    dice = torch.Generator().manual_seed(seed)
    count = subsets if subsets is not None else few // size
    ours, theirs = (_subsets(len(rows), size, count, subsets is None, dice) for rows in (real, fake))
    values = [mmd(real[i], fake[j]) for i, j in zip(ours, theirs, strict=True)]
    return mean_of(torch.tensor(values, dtype=torch.float64))


def mmd(real: Tensor, fake: Tensor) -> float:
    """The unbiased squared MMD of features (n, d) and (m, d) under the cubic kernel; below zero by chance."""
    require(
        real.ndim == fake.ndim == 2 and real.shape[1] == fake.shape[1],
        f"features shaped {tuple(real.shape)} and {tuple(fake.shape)} must be matrices of one width",
    )
    require(min(len(real), len(fake)) > 1, "an unbiased distance needs at least 2 samples on both sides")
    x, y = real.detach().double(), fake.detach().double().to(real.device)
    return float(_within(x) + _within(y) - 2 * _kernel(x, y).mean())


def _within(x: Tensor) -> Tensor:
    """The kernel's mean over pairs of different samples."""
    itself = (x.square().sum(1) / x.shape[1] + 1) ** 3
    return (_kernel(x, x).sum() - itself.sum()) / (len(x) * (len(x) - 1))


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    return torch.addmm(x.new_ones(()), x, y.T, alpha=1 / x.shape[1]).pow_(3)


def _subsets(n: int, size: int, count: int, disjoint: bool, dice: torch.Generator) -> list[Tensor]:
    if disjoint:  # shuffled, as files are often sorted by class
        return list(torch.split(torch.randperm(n, generator=dice)[: count * size], size))
    return [torch.randperm(n, generator=dice)[:size] for _ in range(count)]
