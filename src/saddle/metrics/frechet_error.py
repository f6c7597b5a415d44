"""How far the Fréchet distance would move with other samples, from one pass instead of a thousand draws."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from ..errors import require
from .estimates import Estimate
from .frechet import above_rounding
from .moments import Moments

CENTRED_ROWS = 4096
ERROR_SAMPLES = 2000  # samples, evenly spaced, whose pulls tell the standard error to 2 %


def frechet_estimate(real: Moments, fake: Moments, samples: Tensor) -> Estimate:
    """The Fréchet distance with its standard error over the samples (n, d) that `fake` is of; the data are held fixed.

    By the delta method: a sample x moves the distance by 2 (m2 - m1).(x - m2) + (x - m2)' (1 - T) (x - m2), less its
    mean, over n, as T is the derivative of 2 tr (S1 S2)^(1/2) by S2: with S2 = G G', it is G+' (G' S1 G)^(1/2) G+.
    The distance's bias at small n is not in it.
    """
    require(
        len(real.mean) == len(fake.mean),
        f"the two sides have {len(real.mean)} and {len(fake.mean)} dimensions; they must have the same features",
    )
    require(len(samples) > 1, f"a covariance needs at least 2 samples, not {len(samples)}")
    values, vectors = _principal(fake, samples)
    half = vectors * values.sqrt()
    squares, turn = torch.linalg.eigh(half.T @ real.covariance @ half)
    kept = above_rounding(squares)
    roots, white = squares[kept].sqrt(), vectors / values.sqrt() @ turn[:, kept]
    apart = fake.mean - real.mean
    traces = real.covariance.trace() + fake.covariance.trace()
    value = float(apart.square().sum() + traces - 2 * roots.sum())
    (x,) = _centred(fake, samples[:: -(-len(samples) // ERROR_SAMPLES)])
    pulls = 2 * x @ apart + x.square().sum(1) - (x @ white).square() @ roots
    return Estimate(max(0.0, value), float(pulls.std()) / math.sqrt(len(samples)), len(samples))


def _principal(fake: Moments, samples: Tensor) -> tuple[Tensor, Tensor]:
    """The covariance's eigenvalues above rounding, (r,), with vectors (d, r); of few samples by their products."""
    if len(samples) > len(fake.mean):
        values, vectors = torch.linalg.eigh(fake.covariance)
        kept = above_rounding(values)
        return values[kept], vectors[:, kept]
    x = torch.cat(list(_centred(fake, samples)))
    values, weights = torch.linalg.eigh(x @ x.T / (fake.n - 1))
    kept = above_rounding(values)
    return values[kept], x.T @ weights[:, kept] / (values[kept] * (fake.n - 1)).sqrt()


def _centred(fake: Moments, samples: Tensor) -> Iterator[Tensor]:
    return (rows.double() - fake.mean for rows in torch.split(samples.detach().to(fake.mean.device), CENTRED_ROWS))
