"""MIND: the squared 2-Wasserstein distance along random directions, which few samples suffice for."""

from __future__ import annotations

import torch
from torch import Tensor

from ..errors import require

DIRECTIONS = 1_000  # of which the mean has a relative standard deviation of up to sqrt(2 / 1000), 4.5 %
DIRECTION_SEED = 2020  # the same directions for all that is compared, as torch-fidelity has it
AT_ONCE = 64  # directions whose projections are held at once
FLOOR = 6.5  # n times the expected squared W2 of n against n numbers of one normal distribution, n = 500 to 50,000


def mind(real: Tensor, fake: Tensor, directions: int = DIRECTIONS, seed: int = DIRECTION_SEED) -> float:
    """3 d times the mean over unit directions u of W2^2 of the projections, of features (n, d) and (m, d).

    Berthet et al., 2605.06797. W2 of equally many numbers is that of their order: of the larger side a random part is
    taken. Of isotropic Gaussians it is three times the Fréchet distance; of others at most 3 W2^2.
    """
    same = real.ndim == fake.ndim == 2 and real.shape[1] == fake.shape[1]
    require(same, f"features shaped {tuple(real.shape)} and {tuple(fake.shape)} must be matrices of one width")
    require(min(len(real), len(fake)) > 0 and directions > 0, "samples on both sides and a direction are needed")
    dice = torch.Generator().manual_seed(seed)
    ways = torch.randn(directions, real.shape[1], generator=dice)
    ways = (ways / ways.norm(dim=1, keepdim=True)).double()
    n = min(len(real), len(fake))
    x, y = (random_part(rows, n, seed).detach().double() for rows in (real, fake))
    total = sum(float((sorted_along(x, some) - sorted_along(y, some)).square().mean(0).sum())
                for some in torch.split(ways, AT_ONCE))  # fmt: skip
    return 3 * real.shape[1] * total / directions


def mind_floor(covariance: Tensor, n: int) -> float:
    """What it would be, about, of n samples against n others of the same distribution: 3 tr(S) 6.5 / n."""
    return float(3 * covariance.trace() * FLOOR / n)


def random_part(rows: Tensor, n: int, seed: int) -> Tensor:
    """n of the rows, without replacement; all of them as they are."""
    if len(rows) == n:
        return rows
    return rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))[:n]]


def sorted_along(rows: Tensor, ways: Tensor) -> Tensor:
    """Projections of (n, d) on directions (k, d), each column in order: (n, k)."""
    return (rows @ ways.T.to(rows)).sort(0).values
