"""Nearest neighbours among features, block by block, so that 10,000 against 50,000 fit in little memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import require

DISTANCES_AT_ONCE = 2**25  # distances held at once
QUERIES_AT_ONCE = 1024  # queries at a time
SPARE_CANDIDATES = 4  # more candidates than asked for are measured again, in float64


class Neighbours(NamedTuple):
    """The nearest points of each query, nearest first."""

    distance: Tensor  # (n, k) float64, from differences: 0 for a copy
    which: Tensor  # (n, k)


def nearest_neighbours(queries: Tensor, points: Tensor, k: int = 1, *, own: Tensor | None = None) -> Neighbours:
    """The k nearest of points (m, d) to each query (n, d); `own` (n,) is the point each query is, not counted."""
    take, near = _taken(k, len(points) - (own is not None)), []
    for rows, squares in squared_distances(queries, points):
        if own is not None:
            squares.scatter_(1, own[rows, None].to(squares.device), torch.inf)
        near.append(squares.topk(take, largest=False).indices)
    return _measured(queries, points, torch.cat(near), k)


def nearest_others(features: Tensor, k: int = 1) -> Neighbours:
    """The k nearest other rows to each row (n, d); the distance of two rows is worked out once."""
    take, (x, _) = _taken(k, len(features) - 1), _centred(features, features)
    best = x.new_full((len(x), take), torch.inf)
    near, step = torch.zeros_like(best, dtype=torch.int64), _step(x)
    for start in range(0, len(x), step):
        squares, end = _squares(x[start : start + step], x[start:]), start + step
        squares.diagonal().fill_(torch.inf)  # a row is not its own neighbour
        _improve(best[start:end], near[start:end], squares, start)
        _improve(best[end:], near[end:], squares[:, step:].T, start)
    return _measured(features, features, near, k)


def squared_distances(queries: Tensor, points: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Rows of queries (n, d) with their squared distances to all points (m, d), in the features' own precision.

    Both are moved to the points' mean first, so that a common offset costs no digits; rounding may leave 1e-6 of that
    spread where float32 features are equal.
    """
    x, y = _centred(queries, points)
    lengths, step = y.square().sum(1), _step(y)
    for start in range(0, len(x), step):
        yield slice(start, start + step), _squares(x[start : start + step], y, lengths)


def rounding_slack(squares: Tensor) -> float:
    """What a squared radius is stretched by where its border counts, else shrunk by: more than rounding does to it."""
    eps: float = torch.finfo(squares.dtype).eps
    return 1 + math.sqrt(eps * math.sqrt(eps))


def copy_slack(queries: Tensor, points: Tensor) -> float:
    """What rounding may leave of the squared distance of a copy: some last digits of the longest row's square."""
    x, y = _centred(queries, points)
    longest = max(float(rows.square().sum(1).max()) for rows in (x, y))
    return 8 * torch.finfo(x.dtype).eps * longest


def _centred(queries: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    _check(queries, points)
    wide = torch.promote_types(torch.promote_types(queries.dtype, points.dtype), torch.float32)
    x, y = queries.detach().to(wide), points.detach().to(wide)
    middle = y.mean(0)
    return x - middle, y - middle


def _squares(x: Tensor, y: Tensor, lengths: Tensor | None = None) -> Tensor:
    lengths = y.square().sum(1) if lengths is None else lengths
    return torch.addmm(lengths, x, y.T, alpha=-2).add_(x.square().sum(1, keepdim=True)).clamp_(min=0)


def _step(points: Tensor) -> int:
    return max(1, min(QUERIES_AT_ONCE, DISTANCES_AT_ONCE // len(points)))


def _taken(k: int, found: int) -> int:
    """How many candidates are kept for k neighbours among `found`."""
    require(1 <= k <= found, f"{k} nearest neighbours were asked for among {found}; give more samples or a smaller k")
    return min(found, k + SPARE_CANDIDATES)


def _improve(best: Tensor, near: Tensor, squares: Tensor, first: int) -> None:
    """Put those of squares (n, m), distances to the rows from `first` on, in place of worse ones of best (n, take)."""
    take = best.shape[1]
    values, which = squares.topk(min(take, squares.shape[1]), largest=False)
    values, which = torch.cat([best, values], 1), torch.cat([near, which + first], 1)
    best[:], order = values.topk(take, largest=False)
    near[:] = which.gather(1, order)


def _measured(queries: Tensor, points: Tensor, near: Tensor, k: int) -> Neighbours:
    """The k nearest of candidates (n, take), by distances from differences; of equals the first."""
    near = near.sort().values
    parts = zip(torch.split(queries, QUERIES_AT_ONCE), torch.split(near, QUERIES_AT_ONCE), strict=True)
    distance, order = torch.cat([_apart(some, points, which) for some, which in parts]).sort(stable=True)
    return Neighbours(distance[:, :k], near.gather(1, order[:, :k]))


def _apart(queries: Tensor, points: Tensor, which: Tensor) -> Tensor:
    """(n, take) float64: from each query to its points; one after another, which stays in the processor's cache."""
    wide = queries.detach().double()
    return torch.stack([(wide - points[column]).square_().sum(1) for column in which.T], 1).sqrt()


def _check(queries: Tensor, points: Tensor) -> None:
    require(
        queries.ndim == points.ndim == 2 and queries.shape[1] == points.shape[1],
        f"features shaped {tuple(queries.shape)} and {tuple(points.shape)} must be matrices of one width",
    )
    require(len(queries) > 0 and len(points) > 0, "there are no samples to measure")
    finite = all(bool(end.isfinite()) for t in (queries, points) for end in torch.aminmax(t.detach()))
    require(finite, "the features hold a value that is no number: an image is NaN or infinite")
