"""The Dirac-GAN under adversarial flow: a point that starts at zero, data at zero or one, a critic psi x, or c."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..batches import Images
from ..core import Verdict
from ..games import AdversarialFlow
from ..objectives import Relativistic
from ..penalties import R1, R2, Centring, Transport
from .dirac_gan import LinearCritic, PointGenerator
from .gradient_field import gradient_field


@dataclass(frozen=True)
class Zeros:
    """Every latent is zero, where the point starts from."""

    def __call__(self, like: Tensor, size: int) -> Tensor:
        return like.new_zeros(len(like), size)


def point_game(generator: nn.Module, critic: nn.Module, transport: float, gamma: float) -> AdversarialFlow:
    """The Dirac-GAN under these weights."""
    return AdversarialFlow(generator, critic, 1, objective=Relativistic(), penalties=(R1(gamma), R2(gamma)),
                           generator_penalties=(Transport(transport),), prior=Zeros())  # fmt: skip


def expected_eigenvalues(transport: float, gamma: float) -> tuple[complex, complex]:
    """-(lambda + gamma) +- sqrt((lambda - gamma)^2 - 1/4): the transport damps as a penalty of the generator does."""
    root = complex((transport - gamma) ** 2 - 0.25) ** 0.5
    return -(transport + gamma) + root, -(transport + gamma) - root


class OffsetCritic(nn.Module):
    """A sample's score is c, whatever it is."""

    def __init__(self, c: float) -> None:
        super().__init__()
        self.c = nn.Parameter(torch.tensor(c, dtype=torch.float64))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        return Verdict(self.c + 0 * x.flatten(1).sum(1), x)


def offset_pull(kappa: float) -> float:
    """Where the centring pulls what is added to all scores, over that: -8 kappa."""
    critic = OffsetCritic(0.1)
    game = AdversarialFlow(PointGenerator(0.0), critic, 1, objective=Relativistic(), penalties=(Centring(kappa),))
    return (gradient_field(game, point_batch(0.0))[critic.c] / critic.c).item()


def point_batch(at: float) -> Images:
    return Images(torch.full((4, 1, 1, 1), at, dtype=torch.float64))


def point_pull(theta: float, psi: float, transport: float, gamma: float) -> tuple[float, float]:
    """Where both are pulled when the data are at one: psi s(psi d) - 2 lambda theta, d s(-psi d) - 2 gamma psi."""
    d = 1 - theta
    return psi * sigmoid(psi * d) - 2 * transport * theta, d * sigmoid(-psi * d) - 2 * gamma * psi


def game_pull(theta: float, psi: float, transport: float, gamma: float) -> tuple[float, float]:
    """The same by the game's own moves."""
    generator, critic = PointGenerator(theta), LinearCritic(psi)
    found = gradient_field(point_game(generator, critic, transport, gamma), point_batch(1.0))
    return found[generator.theta].item(), found[critic.psi].item()


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def shortfall(transport: float, gamma: float, steps: int = 20_000, by: float = 0.1) -> float:
    """How far before the data, at one, the point comes to rest, by gradient steps from zero."""
    theta, psi = 0.0, 0.0
    for _ in range(steps):
        pull = point_pull(theta, psi, transport, gamma)
        theta, psi = theta + by * pull[0], psi + by * pull[1]
    return 1 - theta


def expected_shortfall(transport: float, gamma: float) -> float:
    """The root d of psi s(psi d) = 2 lambda (1 - d), d s(-psi d) = 2 gamma psi, by halving."""
    if gamma == 0:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(60):
        d = (low + high) / 2
        psi = best_slope(d, gamma)
        low, high = (d, high) if psi * sigmoid(psi * d) < 2 * transport * (1 - d) else (low, d)
    return low


def best_slope(d: float, gamma: float) -> float:
    """The psi at which d s(-psi d) = 2 gamma psi."""
    low, high = 0.0, d / (2 * gamma)
    for _ in range(60):
        psi = (low + high) / 2
        low, high = (psi, high) if d * sigmoid(-psi * d) > 2 * gamma * psi else (low, psi)
    return low
