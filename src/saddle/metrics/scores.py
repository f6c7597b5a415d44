"""Figures from class probabilities: the Inception score, and whether classes come as often as they should."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import require


class Score(NamedTuple):
    """The Inception score: mean and standard deviation over the splits."""

    value: float
    deviation: float  # over the splits, whose number it divides by, as in the authors' code; 0 for one split
    splits: int


class ChiSquare(NamedTuple):
    """A test of a class histogram against the shares it should have."""

    statistic: float
    freedom: int
    p_value: float  # chance of so uneven a histogram from a perfect sampler


def inception_score(probabilities: Tensor, splits: int = 10) -> Score:
    """exp E KL(p(y|x) | p(y)) of probabilities (n, classes), in consecutive parts (Salimans et al. 2016, 1606.03498).

    Between 1 and the number of classes; it depends on n, on the network and on how many columns that has (the graph of
    2015 has 1008). Shuffle samples that are sorted by class first.
    """
    p = probabilities.detach().double()
    require(p.ndim == 2 and len(p) > 0, f"probabilities (n, classes) were expected, not {tuple(p.shape)}")
    require(1 <= splits <= len(p), f"{len(p)} samples cannot be split into {splits} parts")
    right = bool((p >= 0).all()) and bool(((p.sum(1) - 1).abs() < 1e-3).all())
    require(right, "the rows must be probabilities that sum to 1: apply softmax to logits first")
    scores = torch.stack([_score(part) for part in p.tensor_split(splits)])
    return Score(float(scores.mean()), float(scores.std(correction=0)), splits)


def class_chi_square(counts: Tensor, shares: Tensor | None = None) -> ChiSquare:
    """Pearson's test of how often each class came, counts (classes,), against shares (classes,), or even ones."""
    counts = counts.detach().double().cpu()
    require(counts.ndim == 1 and len(counts) > 1, f"counts (classes,) of 2 or more were expected, not {counts.shape}")
    shares = torch.ones_like(counts) if shares is None else shares.detach().double().cpu()
    require(shares.shape == counts.shape, f"{len(shares)} shares do not fit {len(counts)} classes")
    require(bool((shares > 0).all() and counts.sum() > 0), "every class needs a share above zero, and samples to count")
    expected = shares / shares.sum() * counts.sum()
    statistic = ((counts - expected).square() / expected).sum()
    freedom = len(counts) - 1
    half = torch.tensor(freedom / 2, dtype=torch.float64)
    return ChiSquare(float(statistic), freedom, float(torch.special.gammaincc(half, statistic / 2)))


def _score(p: Tensor) -> Tensor:
    mean = p.mean(0)
    return (torch.xlogy(p, p).sum(1).mean() - torch.xlogy(mean, mean).sum()).exp()
