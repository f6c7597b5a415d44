"""A mixture of Gaussians by maximum likelihood, where the density is known and nobody has to judge."""

from __future__ import annotations

from dataclasses import dataclass

from ..batches import Images
from ..clock import value_range
from ..errors import require
from ..games import ExpectationMaximization, MaximumLikelihood
from ..networks import NormalMixture
from ..optim import SGD, Adam, Cosine
from ..recipe import Optimizing, Paper, Recipe
from ..shape import Shape


@dataclass(frozen=True)
class GaussianMixture(Recipe[Images]):
    """By gradients of -mean log p(x), in weights (softmax), means, and covariances (L L^T)."""

    paper = Paper("Dempster, Laird & Rubin", 1977, arxiv="")

    networks: NormalMixture = NormalMixture(components=16, std=0.3)  # the mixture; twice as many as the ring has modes
    optimizer: Optimizing = Adam(lr=Cosine(2e-2, 1e-3), betas=(0.9, 0.999))  # how it steps
    batch: int = 256  # points in one move

    def game(self, data: Shape) -> MaximumLikelihood:
        return MaximumLikelihood(self.networks.generator(data), self.networks.latent)

    def steps(self, player: str) -> Optimizing:
        return self.optimizer


@dataclass(frozen=True)
class GaussianMixtureEM(GaussianMixture):
    """By EM, the paper's algorithm: each round is an E-step on its batch, and an M-step.

    The rate of SGD says how much of the moments is taken from this batch: at 1 all, as in EM on all of the data.
    """

    optimizer: SGD = SGD(lr=Cosine(1.0, 0.02))  # how moments follow those of a batch

    def __post_init__(self) -> None:
        means = all(rate <= 1 for rate in value_range(self.optimizer.lr)) and self.optimizer.momentum == 0
        require(means, "EM's moments are means of those of batches, so its rate is never above 1, and it has no "
                "momentum; give --optimizer 'SGD(1.0)'")  # fmt: skip

    def game(self, data: Shape) -> ExpectationMaximization:
        return ExpectationMaximization(self.networks.moments(data), self.networks.latent)
