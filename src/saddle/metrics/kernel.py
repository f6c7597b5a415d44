"""The kernel distance: an unbiased figure from few samples, with its standard error (Bińkowski et al. 2018)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import require
from .estimates import mean_estimate

SUBSET_SIZE = 1000  # rows of a subset, as papers have it


class KernelDistance(NamedTuple):
    """The kernel distance, its standard error, and of what it was taken."""

    value: float
    error: float | None  # standard error; None for a single subset
    n: int  # subsets
    real: int  # rows in all subsets of the data
    fake: int  # and of the samples


def kid(
    real: Tensor, fake: Tensor, *, size: int | None = None, subsets: int | None = None, seed: int = 0
) -> KernelDistance:
    """Mean and standard error of the squared MMD with k(x, y) = (x.y / d + 1)^3 over subsets of features (n, d).

    Without `subsets`, disjoint ones, which are independent, so that the error is honest: of `size` rows, or of a fifth
    of the smaller side and as many as there are of the larger, both up to 1,000; the distance is unbiased whatever the
    two numbers are. With `subsets`, that many random ones, as papers do (100 of 1,000): these overlap, and the error
    is too small. One subset of all samples has no error.
    """
    few = min(len(real), len(fake))
    least = size if size is not None else min(SUBSET_SIZE, max(2, few // 5))
    require(2 <= least <= few, f"subsets of {least} samples need as many on both sides and at least 2; there are {few}")
    require(subsets is None or subsets > 0, f"at least one subset is needed, not {subsets}")
    dice, disjoint = torch.Generator().manual_seed(seed), subsets is None
    count = few // least if subsets is None else subsets
    ours, theirs = (least if size or not disjoint else min(SUBSET_SIZE, len(rows) // count) for rows in (real, fake))
    chosen = (_subsets(len(rows), own, count, disjoint, dice) for rows, own in ((real, ours), (fake, theirs)))
    values = [mmd(real[i], fake[j]) for i, j in zip(*chosen, strict=True)]
    value, error, n = mean_estimate(torch.tensor(values, dtype=torch.float64))
    if disjoint:
        return KernelDistance(value, error, n, count * ours, count * theirs)
    return KernelDistance(value, error, n, len(real), len(fake))


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
