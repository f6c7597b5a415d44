"""Two-dimensional toys: mixtures whose modes can be counted, and a spiral. A point is an image of one pixel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import Mistake, did_you_mean, require

TOY_NAMES = ("ring", "grid", "swiss-roll")


class MixtureModes(NamedTuple):
    """Where an equal mixture of round normals has its modes: centres (k, 2), and the deviation of each."""

    centres: NDArray[np.float64]
    std: float


def sample_toy(name: str, n: int, seed: int = 0) -> NDArray[np.float32]:
    """n independent points (n, 1, 1, 2) of a toy as WGAN-GP scales it (Gulrajani et al. 2017, released code)."""
    require(name in TOY_NAMES, f"there is no toy '{name}'{did_you_mean(name, TOY_NAMES)}")
    require(n > 0, f"a toy needs at least one point, not {n}")
    dice = np.random.default_rng(seed)
    points = _roll(dice, n) if name == "swiss-roll" else _mixture(dice, n, toy_modes(name))
    return points.astype(np.float32).reshape(n, 1, 1, 2)


def toy_modes(name: str) -> MixtureModes:
    """The modes of `ring` (8, radius 2, deviation 0.02, over 1.414) or `grid` (25, step 2, 0.05, over 2.828)."""
    if name == "ring":
        angle = np.arange(8) * np.pi / 4
        return MixtureModes(2 * np.stack((np.cos(angle), np.sin(angle)), 1) / 1.414, 0.02 / 1.414)
    if name == "grid":
        x, y = np.meshgrid(np.arange(-4, 5, 2), np.arange(-4, 5, 2), indexing="ij")
        return MixtureModes(np.stack((x.ravel(), y.ravel()), 1) / 2.828, 0.05 / 2.828)
    if name == "swiss-roll":
        raise Mistake("swiss-roll is one continuous spiral without modes to count; take ring or grid")
    raise Mistake(f"there is no toy '{name}'{did_you_mean(name, TOY_NAMES)}")


def _mixture(dice: np.random.Generator, n: int, mixture: MixtureModes) -> NDArray[np.float64]:
    chosen = dice.integers(len(mixture.centres), size=n)
    return mixture.centres[chosen] + mixture.std * dice.standard_normal((n, 2))


def _roll(dice: np.random.Generator, n: int) -> NDArray[np.float64]:
    angle = 1.5 * np.pi * (1 + 2 * dice.random((n, 1)))
    spiral: NDArray[np.float64] = angle * np.hstack((np.cos(angle), np.sin(angle)))
    return (spiral + 0.25 * dice.standard_normal((n, 2))) / 7.5
