"""Codes that are normal distributions: an encoder's answer as mean and log variance. Kingma & Welling 2013."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..core import upcast
from ..parts import draw_rows

LOG_2PI = math.log(2 * math.pi)
LOG_VARIANCES = (-10.0, 10.0)  # beyond them an exponential under- or overflows long before it means anything


def split_gaussian(code: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log variance, (n, d, ...) each, of an encoder's answer (n, 2 d, ...), in full precision."""
    mean, log_variance = upcast(code).chunk(2, dim=1)
    return mean, log_variance.clamp(*LOG_VARIANCES)


def reparameterise(mean: Tensor, log_variance: Tensor) -> Tensor:
    """A draw from each normal distribution, of its mean's shape, through which gradients pass to both (section 2.4)."""
    return mean + (log_variance / 2).exp() * draw_rows(torch.randn, mean, *mean.shape[1:])


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) | N(0, 1)) in nats, (n,): summed over features, so never below 0 (appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).flatten(1).sum(1)
