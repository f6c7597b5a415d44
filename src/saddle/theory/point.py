"""The simplest game, the Dirac-GAN: data at zero, a generator of one point, a critic psi x. Mescheder et al. 2018."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from ..batches import Images
from ..core import Clock, Verdict
from ..games import Adversarial
from .gaussians import bells
from .played import pulls

Numbers = npt.NDArray[np.float64]
Field = Callable[[Numbers, Numbers], tuple[Numbers, Numbers]]  # (theta, psi) to where both are pulled
Rates = tuple[float, float]  # of generator and critic
EQUAL: Rates = (1.0, 1.0)
ROWS = 64  # of a batch, all equal but for what a view adds
STEP, START = 0.1, (1.0, -1.0)  # of every simulation


class Dot(nn.Module):
    """Every latent becomes theta."""

    def __init__(self, theta: float) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.tensor(theta, dtype=torch.float64))

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.theta.expand(len(z), 1, 1, 1)


class Line(nn.Module):
    """A sample's score is psi x."""

    def __init__(self, psi: float) -> None:
        super().__init__()
        self.psi = nn.Parameter(torch.tensor(psi, dtype=torch.float64))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        return Verdict(self.psi * x.flatten(), x)


@dataclass(frozen=True)
class Even:
    """Instance noise without chance: standard normals of equal weight, so that means are expectations."""

    std: float

    def __call__(self, sample: Tensor, clock: Clock) -> Tensor:
        return sample + self.std * bells(len(sample)).view(-1, 1, 1, 1)


def zeros() -> Images:
    return Images(torch.zeros(ROWS, 1, 1, 1, dtype=torch.float64))


Play = Callable[[nn.Module, nn.Module], Adversarial]  # (generator, critic) to the game


def pull(play: Play, theta: float, psi: float) -> tuple[float, float]:
    """Where a game pulls both players."""
    generator, critic = Dot(theta), Line(psi)
    found = pulls(play(generator, critic), zeros())
    return found[generator.theta].item(), found[critic.psi].item()


def jacobian(play: Play, rates: Rates = EQUAL, by: float = 1e-4) -> Numbers:
    """The derivative of the pulls at the equilibrium, (2, 2), by central differences of autograd's gradients."""
    sides = [[pull(play, s * by * (i == 0), s * by * (i == 1)) for s in (1, -1)] for i in range(2)]
    columns = [(np.array(up) - np.array(down)) / (2 * by) for up, down in sides]
    matrix: Numbers = np.array(rates)[:, None] * np.stack(columns, 1)
    return matrix


def simulate(field: Field, steps: int, together: bool, bound: float = np.inf, rates: Rates = EQUAL) -> Numbers:
    """The players' path, (steps + 1, 2), by gradient steps: both at once, or the generator first.

    The critic is kept within the bound, which is weight clipping.
    """
    (theta, psi), path = np.array(START), [START]
    for _ in range(steps):
        moved = theta + STEP * rates[0] * field(theta, psi)[0]
        psi = np.clip(psi + STEP * rates[1] * field(theta if together else moved, psi)[1], -bound, bound)
        theta = moved
        path.append((theta, psi))
    return np.array(path)
