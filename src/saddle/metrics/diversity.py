"""How alike samples are to one another: multi-scale structural similarity, and distances of features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import require
from .estimates import Estimate, mean_estimate
from .lazy_images import LazyImages, images_at_once

SCALE_WEIGHTS = (
    0.0448,
    0.2856,
    0.3001,
    0.2363,
    0.1333,
)  # of the scales, finest first (Wang, Simoncelli and Bovik 2003)
WINDOW, WINDOW_STD = 11, 1.5  # pixels across and deviation of the Gaussian window
K1, K2 = 0.01, 0.03


class Similarity(NamedTuple):
    """The mean MS-SSIM of random pairs: lower is more diverse, 1 is always the same image."""

    value: float
    error: float | None
    pairs: int
    scales: int  # of the five of the paper: two at 28 and 32 pixels, three from 44, five from 176


def pairwise_ms_ssim(images: LazyImages, pairs: int = 1000, seed: int = 0) -> Similarity:
    """Over pairs of different images (n, c, h, w) in [-1, 1] of one class (Odena et al. 2016); see `metric_by_class`.

    Figures with different numbers of scales are not comparable.
    """
    n, _, height, width = images.shape
    both = zip(*(torch.split(rows, images_at_once(height, width)) for rows in _pairs(n, pairs, seed)), strict=True)
    found = [ms_ssim(images[first], images[second]) for first, second in both]
    estimate = mean_estimate(torch.cat(found))
    return Similarity(estimate.value, estimate.error, pairs, count_scales(images.shape))


def mean_pair_distance(features: Tensor, pairs: int = 1000, seed: int = 0) -> Estimate:
    """The mean distance of random pairs of features (n, d): higher is more diverse; compare with the data's own."""
    first, second = _pairs(len(features), pairs, seed)
    return mean_estimate((features[first].double() - features[second].double()).norm(dim=1))


def count_scales(shape: Sequence[int]) -> int:
    """How many scales fit images of such a shape (n, c, h, w): the window must lie inside the coarsest one."""
    side = min(shape[2:])
    require(side >= WINDOW, f"structural similarity needs images of at least {WINDOW} pixels, not {side}")
    fits = 1
    while fits < len(SCALE_WEIGHTS) and side // 2**fits >= WINDOW:
        fits += 1
    return fits


def ms_ssim(x: Tensor, y: Tensor, low: float = -1.0, high: float = 1.0) -> Tensor:
    """Multi-scale SSIM (n,) of images (n, c, h, w) from `low` to `high`, per channel and then averaged.

    Black is brought to 0, since the measure compares means of light (Wang, Bovik, Sheikh and Simoncelli 2004). Where
    not all five scales fit, the weights of the finest ones are brought to sum 1.
    """
    require(
        x.ndim == 4 and x.shape == y.shape, f"images of one shape were expected: {tuple(x.shape)}, {tuple(y.shape)}"
    )
    x, y, scales = (
        (x.detach().float() - low) / (high - low),
        (y.detach().float() - low) / (high - low),
        count_scales(x.shape),
    )
    weights = torch.tensor(SCALE_WEIGHTS[:scales], device=x.device)
    result = x.new_ones(x.shape[:2])
    for scale, weight in enumerate(weights / weights.sum()):
        likeness, contrast = similarity(x, y)
        result = result * (likeness if scale == scales - 1 else contrast).clamp(min=0) ** weight
        x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
    return result.mean(1)


def similarity(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """SSIM of values in [0, 1] and its contrast-structure part, (n, c) each; a Gaussian window without borders."""
    c1, c2 = K1**2, K2**2
    mx, my = _window(x), _window(y)
    vx, vy, vxy = _window(x * x) - mx * mx, _window(y * y) - my * my, _window(x * y) - mx * my
    contrast = (2 * vxy + c2) / (vx + vy + c2)
    likeness = (2 * mx * my + c1) / (mx * mx + my * my + c1) * contrast
    return likeness.mean((2, 3)), contrast.mean((2, 3))


def _window(t: Tensor) -> Tensor:
    place = torch.arange(WINDOW, device=t.device, dtype=t.dtype) - (WINDOW - 1) / 2
    row = torch.exp(-(place**2) / (2 * WINDOW_STD**2))
    row = (row / row.sum()).expand(t.shape[1], 1, 1, WINDOW)
    return F.conv2d(F.conv2d(t, row, groups=t.shape[1]), row.mT, groups=t.shape[1])


def _pairs(n: int, pairs: int, seed: int) -> tuple[Tensor, Tensor]:
    require(n > 1 and pairs > 0, f"pairs of different samples need at least 2 of them, not {n}")
    dice = torch.Generator().manual_seed(seed)
    first = torch.randint(n, (pairs,), generator=dice)
    return first, (first + torch.randint(1, n, (pairs,), generator=dice)) % n
