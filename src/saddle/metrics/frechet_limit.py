"""The Fréchet distance of infinitely many samples, by its course over their number: FD-infinity."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import require
from .estimates import Estimate
from .frechet import above_rounding
from .frechet_error import frechet_estimate
from .moments import Moments

SIZES, LEAST_SIZE = 15, 5_000  # numbers of samples that it is taken of; the smallest of them, a tenth of fewer
ORDERS = 10  # random orders whose intercepts are averaged


def frechet_limit(real: Moments, samples: Tensor, orders: int = ORDERS, seed: int = 0) -> Estimate:
    """The Fréchet distance to which that of n samples tends as n grows, with its standard error (n, d).

    Chong & Forsyth 2020, 1911.07023: it is taken of random parts of 15 sizes, and a line in 1/n is fitted by least
    squares; the intercept is the answer, averaged over some random orders of the samples. It may be negative. The
    reference is held fixed: the bias that comes of its own number stays. The error is that of the distance of all
    samples, by the delta method, and the spread over the orders: parts overlap, so a regression's would be too small.
    """
    require(len(samples) >= 2 * SIZES, f"a course over their number takes {2 * SIZES} samples, not {len(samples)}")
    require(orders >= 2, f"a spread over orders needs two of them, not {orders}")
    sizes, factor = part_sizes(len(samples)), half_of(real)
    dice = torch.Generator().manual_seed(seed)
    found = [intercept(sizes, course(real, factor, samples[torch.randperm(len(samples), generator=dice)], sizes))
             for _ in range(orders)]  # fmt: skip
    whole = frechet_estimate(real, Moments.of(samples), samples)
    spread = float(np.std(found, ddof=1)) / math.sqrt(orders)
    return Estimate(float(np.mean(found)), math.hypot(whole.error or 0.0, spread), len(samples))


def part_sizes(n: int) -> list[int]:
    """15 numbers of samples, evenly spaced up to all of them."""
    return [int(size) for size in np.linspace(min(LEAST_SIZE, max(n // 10, 2)), n, SIZES)]


def half_of(real: Moments) -> Tensor:
    """F (d, r) with F F' the reference's covariance."""
    values, vectors = torch.linalg.eigh(real.covariance)
    kept = above_rounding(values)
    half: Tensor = vectors[:, kept] * values[kept].sqrt()
    return half


def course(real: Moments, factor: Tensor, samples: Tensor, sizes: list[int]) -> list[float]:
    """The distances of the first so many samples, for each size; what is larger goes on from what is smaller."""
    seen, found = Moments(samples.shape[1], real.mean.device), []
    for first, end in pairwise([0, *sizes]):
        seen.add(samples[first:end])
        roots = torch.linalg.eigvalsh(factor.T @ seen.covariance @ factor)
        traces = real.covariance.trace() + seen.covariance.trace()
        apart = (seen.mean - real.mean).square().sum()
        found.append(float(apart + traces - 2 * roots[above_rounding(roots)].sqrt().sum()))
    return found


def intercept(sizes: list[int], distances: list[float]) -> float:
    """Of the line in 1/n through the distances, by least squares."""
    inverse: NDArray[np.float64] = 1 / np.array(sizes, np.float64)
    return float(np.polynomial.Polynomial.fit(inverse, distances, 1)(0.0))
