"""The simplest game, the Dirac-GAN: data at zero, a generator of one point, a critic psi x. Mescheder et al. 2018."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..batches import Images
from ..clock import Clock
from ..core import Verdict
from ..games import Adversarial
from .gaussians import normal_quantiles
from .gradient_field import gradient_field

FloatArray = npt.NDArray[np.float64]
VectorField = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]  # (theta, psi) to where both are pulled
Rates = tuple[float, float]  # of generator and critic
EQUAL_RATES: Rates = (1.0, 1.0)
BATCH_ROWS = 64  # of a batch, all equal but for what a view adds
STEP_SIZE, START_POINT = 0.1, (1.0, -1.0)  # of every simulation


class PointGenerator(nn.Module):
    """Every latent becomes theta."""

    def __init__(self, theta: float) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(theta, dtype=torch.float64))

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.theta.expand(len(z), 1, 1, 1)


class LinearCritic(nn.Module):
    """A sample's score is psi x."""

    def __init__(self, psi: float) -> None:
        super().__init__()
        self.psi = nn.Parameter(torch.tensor(psi, dtype=torch.float64))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        return Verdict(self.psi * x.flatten(), x)


@dataclass(frozen=True)
class QuantileNoise:
    """Instance noise without chance: standard normals of equal weight, so that means are expectations."""

    std: float

    def __call__(self, sample: Tensor, clock: Clock) -> Tensor:
        return sample + self.std * normal_quantiles(len(sample)).view(-1, 1, 1, 1)


def zero_batch() -> Images:
    return Images(torch.zeros(BATCH_ROWS, 1, 1, 1, dtype=torch.float64))


MakeGame = Callable[[nn.Module, nn.Module], Adversarial]  # (generator, critic) to the game


def point_gradient(play: MakeGame, theta: float, psi: float) -> tuple[float, float]:
    """Where a game pulls both players."""
    generator, critic = PointGenerator(theta), LinearCritic(psi)
    found = gradient_field(play(generator, critic), zero_batch())
    return found[generator.theta].item(), found[critic.psi].item()


def point_jacobian(play: MakeGame, rates: Rates = EQUAL_RATES, by: float = 1e-4) -> FloatArray:
    """The derivative of the pulls at the equilibrium, (2, 2), by central differences of autograd's gradients."""
    sides = [[point_gradient(play, s * by * (i == 0), s * by * (i == 1)) for s in (1, -1)] for i in range(2)]
    columns = [(np.array(up) - np.array(down)) / (2 * by) for up, down in sides]
    matrix: FloatArray = np.array(rates)[:, None] * np.stack(columns, 1)
    return matrix


def step_players(
    field: VectorField,
    at: tuple[float, float],
    together: bool,
    bound: float = np.inf,
    rates: Rates = EQUAL_RATES,
    step: float = STEP_SIZE,
    turns: int = 1,
) -> tuple[float, float]:
    """Where the players stand after a gradient step of each: both at once, or the generator first.

    The critic moves `turns` times, and is kept within the bound, which is weight clipping.
    """
    theta, psi = (np.asarray(value, np.float64) for value in at)
    moved = theta + step * rates[0] * field(theta, psi)[0]
    for _ in range(turns):
        psi = np.clip(psi + step * rates[1] * field(theta if together else moved, psi)[1], -bound, bound)
    return float(moved), float(psi)


def simulate(
    field: VectorField, steps: int, together: bool, bound: float = np.inf, rates: Rates = EQUAL_RATES
) -> FloatArray:
    """The players' path, (steps + 1, 2), of that many gradient steps: see `step_players`."""
    path = [START_POINT]
    for _ in range(steps):
        path.append(step_players(field, path[-1], together, bound, rates))
    return np.array(path)
