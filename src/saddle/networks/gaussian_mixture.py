"""Mixtures of normal distributions that are learned: by gradients, or by EM."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from math import prod
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..errors import require
from ..layers.mixture import Mixture, maximise
from ..precision import full_precision
from ..shape import Shape
from .base import require_counts


class MixtureGenerator(nn.Module):
    """A generator of points (n, channels, 1, 1) from normals (n, latent), whose density is known."""

    def __init__(self, data: Shape) -> None:
        super().__init__()
        self.shape = data[:3]

    @abstractmethod
    def mixture(self) -> Mixture:
        """What it is now."""

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        mixture = self.mixture()
        with full_precision(z):
            points = mixture.draw(z.to(mixture.means))
        return points.view(-1, *self.shape).to(z)

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x) of points (n, channels, 1, 1), (n,), in nats."""
        mixture = self.mixture()
        with full_precision(x):
            return mixture.log_density(x.flatten(1).to(mixture.means))


class FactoredMixture(MixtureGenerator):
    """What gradients move: weights as logits, and of each covariance L L^T the diagonal of L by its logarithm."""

    def __init__(self, data: Shape, components: int, std: float) -> None:
        super().__init__(data)
        d = prod(data[:3])
        self.logits = nn.Parameter(torch.zeros(components))
        self.means = nn.Parameter(torch.randn(components, d))
        self.log_diagonals = nn.Parameter(torch.full((components, d), math.log(std)))
        self.below = nn.Parameter(torch.zeros(components, d * (d - 1) // 2))

    def mixture(self) -> Mixture:
        d = self.means.shape[1]
        factors = torch.diag_embed(self.log_diagonals.exp())
        row, column = torch.tril_indices(d, d, -1, device=factors.device)
        factors[:, row, column] = self.below
        return Mixture(self.logits.log_softmax(0), self.means, factors)


class MomentMixture(MixtureGenerator):
    """What EM moves: the moments of each component, in double precision, for covariances are differences of them."""

    def __init__(self, data: Shape, components: int, std: float) -> None:
        super().__init__(data)
        means = torch.randn(components, prod(data[:3]), dtype=torch.float64)
        covariance = std**2 * torch.eye(means.shape[1], dtype=torch.float64)
        products = means[:, :, None] * means[:, None] + covariance
        moments = torch.cat((torch.ones_like(means[:, :1]), means, products.flatten(1)), 1)
        self.moments = nn.Parameter(moments / components)

    def mixture(self) -> Mixture:
        return maximise(self.moments)

    def expect(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """log p(x) of points (n, channels, 1, 1), (n,), and the moments that they have by the mixture: the E-step."""
        mixture, points = self.mixture(), x.flatten(1).to(self.moments)
        return mixture.log_density(points), mixture.moments(points)


@dataclass(frozen=True)
class NormalMixture:
    """Normal distributions with full covariances and their weights, for points."""

    components: int = 16  # normal distributions
    std: float = 0.3  # of each at first, in both directions; means begin as draws of N(0, 1)
    latent: ClassVar[int] = 3  # normals that a point of the plane is made of: whose it is, and where it lies

    def __post_init__(self) -> None:
        require_counts(self, "components")
        require(0 < self.std < math.inf, f"NormalMixture: std is {self.std!r}, but should be above 0")

    def generator(self, data: Shape) -> FactoredMixture:
        check_points(data)
        return FactoredMixture(data, self.components, self.std)

    def moments(self, data: Shape) -> MomentMixture:
        check_points(data)
        return MomentMixture(data, self.components, self.std)


def check_points(data: Shape) -> None:
    require(data.points, "NormalMixture is for points, as --data ring has them; of pictures the covariances have "
            "millions of numbers, and the recipe vae learns a density")  # fmt: skip
