"""How well one number tells odd samples from normal ones, whatever the threshold: ROC and its areas."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import require


def roc_curve(scores: Tensor, odd: Tensor) -> tuple[Tensor, Tensor]:
    """The shares of normals and of odd samples above each threshold, from none to all, (t,) float64 each.

    `scores` (n,) rise with oddness, `odd` (n,) bool. Equal scores pass together. Mistake where one kind is missing.
    """
    normals, odds = counts_above(scores, odd)
    return normals / normals[-1], odds / odds[-1]


def auroc(scores: Tensor, odd: Tensor) -> float:
    """The chance that an odd sample has a higher score than a normal one; of equal scores half. The area of the ROC."""
    x, y = roc_curve(scores, odd)
    return float(torch.trapezoid(y, x))


def average_precision(scores: Tensor, odd: Tensor) -> float:
    """The mean precision over odd samples, the area below precision against recall in steps; by chance, their share."""
    normals, odds = counts_above(scores, odd)
    found = odds.diff()
    return float((found * odds[1:] / (odds[1:] + normals[1:])).sum() / odds[-1])


def counts_above(scores: Tensor, odd: Tensor) -> tuple[Tensor, Tensor]:
    """How many normals, and odd samples, lie at or above each threshold, the first of which none reach."""
    scores, odd = scores.double(), odd.bool()
    require(bool(odd.any()) and not bool(odd.all()), "a ROC needs odd samples and normal ones, and there are "
            f"{int(odd.sum())} and {int((~odd).sum())}")  # fmt: skip
    require(bool(scores.isfinite().all()), "a score is no number: it is NaN or infinite")
    order = scores.argsort(descending=True)
    ends = torch.cat([scores[order].diff() != 0, torch.ones(1, dtype=torch.bool)])
    start = torch.zeros(1, dtype=torch.float64)
    normals, odds = ((torch.cat([start, kind[order].double().cumsum(0)[ends]])) for kind in (~odd, odd))
    return normals, odds
