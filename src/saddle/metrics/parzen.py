"""The likelihood under a Gaussian around every sample: for comparison with papers of 2014 only."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from ..errors import require
from .estimates import Estimate, mean_estimate
from .neighbours import squared_distances

SIGMAS = tuple(10 ** (i / 9 - 1) for i in range(10))  # 0.1 to 1 in even ratios, as Goodfellow et al. 2014 tried them


def parzen_likelihood(samples: Tensor, test: Tensor, sigma: float) -> Estimate:
    """Mean log-density, nats, of test rows (m, d) under N(sample, sigma^2 I) averaged over samples (n, d).

    Says little of the samples' quality (Theis et al. 2015, 1511.01844): in many dimensions a likelihood of copies beats
    that of the true model.
    """
    return mean_estimate(log_densities(samples, test, sigma))


def choose_sigma(samples: Tensor, validation: Tensor, sigmas: Iterable[float] = SIGMAS) -> float:
    """The width with the highest likelihood of held-out rows that are not those of the test."""
    scores = {sigma: parzen_likelihood(samples, validation, sigma).value for sigma in sigmas}
    require(len(scores) > 0, "there is no width to choose from")
    return max(scores, key=scores.__getitem__)


def log_densities(samples: Tensor, test: Tensor, sigma: float) -> Tensor:
    """(m,) in float64."""
    require(sigma > 0, f"the width of a Gaussian must be positive, not {sigma}")
    samples, test = samples.flatten(1), test.flatten(1)
    constant = math.log(len(samples)) + samples.shape[1] * (math.log(sigma) + math.log(2 * math.pi) / 2)
    parts = [
        (squares.double() / (-2 * sigma**2)).logsumexp(1) - constant for _, squares in squared_distances(test, samples)
    ]
    return torch.cat(parts)
