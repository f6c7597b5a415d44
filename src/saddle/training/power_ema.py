"""Averages whose length is chosen after training: their weights grow as a power of time.

Karras et al. 2023, 2312.02696 ("post-hoc EMA"): a profile after t images weighs what was at s by (gamma + 1) s^gamma /
t^(gamma + 1), so it forgets the start without a warm-up, and grows as long as the training does. It is named by its
relative width: the standard deviation of that weight, in shares of t.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..core import Game
from ..errors import require
from .ema import averaged_tensors, require_averaged

KEPT_STDS = (0.05, 0.1)  # relative widths that a run keeps: sums of the two at many moments come near any other
WIDEST_STD = 12**-0.5  # of the plain mean, gamma = 0


class Profile(NamedTuple):
    """An average: how many images it is over, and its relative width."""

    images: int
    std: float


class Combination(NamedTuple):
    """How much of each stored average there is in the wanted one, and how far the sum's profile is from its own."""

    weights: NDArray[np.float64]  # which add up to 1
    error: float  # the relative L2 distance of the two profiles


@cache
def exponent_of(std: float) -> float:
    """The power gamma of a relative width: the largest root of g^3 + 7 g^2 + (16 - std^-2) g + 12 - std^-2.

    By halving, for a library's root may differ in its last bits from machine to machine. Mistake beyond 0 to 0.2887.
    """
    fits = 0 < std < WIDEST_STD
    require(fits, f"a relative width is above 0 and below {WIDEST_STD:.4f}, the plain mean's, not {std}; 0.1 is usual")
    low, high = 0.0, 1 / std
    while low < (middle := (low + high) / 2) < high:
        cubic = middle**3 + 7 * middle**2 + (16 - std**-2) * middle + 12 - std**-2
        low, high = (middle, high) if cubic < 0 else (low, middle)
    return low


def std_of(exponent: float) -> float:
    """The relative width of a power: sqrt((g + 1) / ((g + 2)^2 (g + 3)))."""
    return math.sqrt((exponent + 1) / ((exponent + 2) ** 2 * (exponent + 3)))


def share_of_now(exponent: float, images: int, shown: int) -> float:
    """1 - (1 - shown / images)^(gamma + 1): how much of the average is what the weights are now; 1 at the first."""
    return 1.0 if shown >= images else -math.expm1((exponent + 1) * math.log1p(-shown / images))


def overlap(a: Profile, b: Profile) -> float:
    """The inner product of two profiles: with t_a <= t_b, (a+1)(b+1) (t_a/t_b)^b / ((a+b+1) t_b) of their powers."""
    a, b = sorted((a, b))
    p, q = exponent_of(a.std), exponent_of(b.std)
    return float((p + 1) * (q + 1) * (a.images / b.images) ** q / ((p + q + 1) * b.images))


def combine_profiles(stored: Sequence[Profile], wanted: Profile) -> Combination:
    """The sum of stored profiles that comes nearest to a wanted one, in the sense of L2; in float64."""
    matrix = np.array([[overlap(a, b) for b in stored] for a in stored])
    own, both = overlap(wanted, wanted), np.array([overlap(one, wanted) for one in stored])
    weights = np.linalg.solve(matrix, both)
    weights = weights / weights.sum()
    apart = own + weights @ matrix @ weights - 2 * weights @ both
    return Combination(weights, math.sqrt(max(apart, 0.0) / own))


class PowerEMA:
    """Averages by powers of time of the parameters of a game's makers, beside the exponential `EMA`.

    All there is to keep is the averages and `images`, over how many they are. Buffers are not averaged.
    """

    def __init__(self, game: Game[Any], stds: Sequence[float] = KEPT_STDS) -> None:
        kept = averaged_tensors(game)
        self.live = {key: t for key, t in kept.items() if isinstance(t, nn.Parameter)}
        self.buffers = {key: t for key, t in kept.items() if key not in self.live}  # as they are now
        self.means = {std: {key: t.detach().clone() for key, t in self.live.items()} for std in stds}
        self.images = 0

    def restart(self) -> None:
        """Forget all: the next update is the first, as where a network has come to another size."""
        self.images = 0

    @torch.no_grad()
    def update(self, shown: int) -> None:
        """Take in the weights as they are after a step of `shown` images."""
        self.images += shown
        for std, mean in self.means.items():
            share = share_of_now(exponent_of(std), self.images, shown)
            if mean:
                torch._foreach_lerp_(list(mean.values()), list(self.live.values()), share)

    def state(self) -> dict[str, Tensor]:
        """Every average by its width and the parameter's name, as 0.1.generator.weight."""
        return {f"{std}.{key}": t for std, mean in self.means.items() for key, t in mean.items()}

    def restore(self, state: Mapping[str, Tensor], images: int) -> None:
        """Stand where `state` was taken; Mistake where something is missing."""
        for key, own in self.state().items():
            own.copy_(require_averaged(state, key))
        self.images = images
