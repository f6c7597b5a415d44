"""Nearest neighbours among features, block by block, so that 10,000 against 50,000 fit in little memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import require

CELLS = 2**24  # distances held at once
SPARE = 4  # more candidates than asked for are measured again, in float64


class Neighbours(NamedTuple):
    """The nearest points of each query, nearest first."""

    distance: Tensor  # (n, k) float64, from differences: 0 for a copy
    which: Tensor  # (n, k)


def nearest(queries: Tensor, points: Tensor, k: int = 1, *, own: Tensor | None = None) -> Neighbours:
    """The k nearest of points (m, d) to each query (n, d); `own` (n,) is the point each query is, not counted."""
    found = len(points) - (own is not None)
    require(1 <= k <= found, f"{k} nearest neighbours were asked for among {found}; give more samples or a smaller k")
    take, parts = min(found, k + SPARE), []
    for rows, squares in squared_distances(queries, points):
        if own is not None:
            squares.scatter_(1, own[rows, None].to(squares.device), torch.inf)
        near = squares.topk(take, largest=False).indices.sort().values  # so that of equals the first is named
        exact = (queries[rows, None].double() - points[near].double()).square().sum(-1).sqrt()
        distance, order = exact.sort(stable=True)
        parts.append((distance[:, :k], near.gather(1, order[:, :k])))
    return Neighbours(*(torch.cat(column) for column in zip(*parts, strict=True)))


def nearest_others(features: Tensor, k: int = 1) -> Neighbours:
    """The k nearest other rows to each row (n, d)."""
    return nearest(features, features, k, own=torch.arange(len(features)))


def squared_distances(queries: Tensor, points: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Rows of queries (n, d) with their squared distances to all points (m, d), in the features' own precision.

    Both are moved to the points' mean first, which loses no digits to a common offset; rounding may leave 1e-6 of that
    spread where float32 features are equal.
    """
    _check(queries, points)
    wide = torch.promote_types(torch.promote_types(queries.dtype, points.dtype), torch.float32)
    middle = points.detach().double().mean(0)
    x, y = ((t.detach() - middle).to(wide) for t in (queries, points))
    step = max(1, min(512, CELLS // len(y)))
    lengths = y.square().sum(1)
    for start in range(0, len(x), step):
        some = x[start : start + step]
        squares = torch.addmm(lengths, some, y.T, alpha=-2).add_(some.square().sum(1, keepdim=True))
        yield slice(start, start + step), squares.clamp_(min=0)


def slack(squares: Tensor) -> float:
    """What a squared radius is stretched by, so that a copy of the point that gave the radius counts as inside."""
    eps: float = torch.finfo(squares.dtype).eps
    return 1 + math.sqrt(eps * math.sqrt(eps))


def _check(queries: Tensor, points: Tensor) -> None:
    require(
        queries.ndim == points.ndim == 2 and queries.shape[1] == points.shape[1],
        f"features shaped {tuple(queries.shape)} and {tuple(points.shape)} must be matrices of one width",
    )
    require(len(queries) > 0 and len(points) > 0, "there are no samples to measure")
    finite = bool(queries.isfinite().all()) and bool(points.isfinite().all())
    require(finite, "the features hold a value that is no number: an image is NaN or infinite")
