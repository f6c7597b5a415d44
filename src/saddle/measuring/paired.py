"""Figures of translations whose true results are known: pairs, or two kinds of which what should become of each is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..columns import to_float_images
from ..data.dataset import main_column
from ..data.order import random_words
from ..errors import Mistake
from ..metrics import paired
from ..metrics.estimates import mean_estimate
from .makers import DataConverter
from .metric_input import NEEDS_TARGETS, MetricInput, MetricResult


def l1(case: MetricInput) -> MetricResult:
    return mean_of_pairs(case, paired.l1, "L1 to the targets, in [-1, 1]")


def psnr(case: MetricInput) -> MetricResult:
    return mean_of_pairs(case, paired.psnr, "PSNR to the targets, dB")


def ssim(case: MetricInput) -> MetricResult:
    return mean_of_pairs(case, paired.ssim, "SSIM to the targets")


def mean_of_pairs(case: MetricInput, distance: Callable[[Tensor, Tensor], Tensor], title: str) -> MetricResult:
    """The mean over all translations that were made, as they are saved."""
    maker = case.maker
    if not isinstance(maker, DataConverter) or not maker.knows_targets:
        raise Mistake(NEEDS_TARGETS)
    samples, values, place = case.made.sample_set.data, [], 0
    for true in maker.targets(len(samples), case.seed):
        rows = np.arange(place, place + len(true))
        name = main_column(samples.columns)
        made = to_float_images(samples.take(rows, random_words(0, rows), (name,))[name])
        values.append(distance(made, true))
        place += len(true)
    found = mean_estimate(torch.cat(values))
    return MetricResult.of(found.value, found.error, title, found.n, samples=found.n, references=found.n)
