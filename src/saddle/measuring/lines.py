"""Figures of lines of text: how likely they are in a language that is known, how many different ones there are."""

from __future__ import annotations

import torch
from torch import Tensor

from ..data.oracle import oracle_surprise, oracle_vocabulary
from ..data.sources import split_suffix
from ..texts import from_one_hot
from .features import SampleFeatures
from .inputs import SampleSet
from .metric_input import MetricInput, MetricResult


def nll_oracle(case: MetricInput) -> MetricResult:
    """The mean over lines. Yu et al. 2016, equation 9."""
    vocabulary = oracle_vocabulary(split_suffix(case.real.sample_set.data.name)[1])
    surprise = oracle_surprise(tokens_of(case.made.sample_set), vocabulary)
    return MetricResult.of(float(surprise.mean()), float(surprise.std()) / len(surprise) ** 0.5, "NLL-oracle")


def distinct_pairs(case: MetricInput) -> MetricResult:
    n = min(len(case.made), len(case.real))
    made, real = (count_pairs(side, n) for side in (case.made, case.real))
    return MetricResult(made / real, "distinct pairs", samples=n, references=n)


def count_pairs(side: SampleFeatures, n: int) -> int:
    """How many different pairs of neighbouring tokens the first n lines have."""
    tokens = tokens_of(side.sample_set)[:n]
    pairs = torch.stack([tokens[:, :-1].flatten(), tokens[:, 1:].flatten()], 1)
    return len(set(map(tuple, pairs.tolist())))


def tokens_of(side: SampleSet) -> Tensor:
    """(n, length)."""
    return torch.cat([from_one_hot(images) for images in side.batches()])
