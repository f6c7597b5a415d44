"""How improbable an image is under what a generator makes of a code: minus log p(x | z), in nats, over all pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from ..core import Memory, upcast
from ..errors import require
from ..parts import draw_rows
from ..shape import Shape


class Likelihood(Protocol):
    """A loss of images (n, channels, height, width) given codes (n, latent): (n,), summed over features."""

    def __call__(self, generator: nn.Module, code: Tensor, x: Tensor) -> Tensor: ...


@runtime_checkable
class Suits(Protocol):
    """A likelihood that not every generator, or not all data, can have; raises Mistake with what to give instead."""

    def suits(self, generator: nn.Module, data: Shape) -> None: ...


@runtime_checkable
class Observes(Protocol):
    """A likelihood of what is drawn of an image by chance; of what is drawn already it draws the same."""

    def observe(self, x: Tensor) -> Tensor: ...


@runtime_checkable
class GivesLogits(Protocol):
    """A generator that tells the log-odds of its pixels, before they are squashed to [-1, 1]."""

    def logits(self, z: Tensor, condition: Tensor | None = None) -> Tensor: ...


@dataclass(frozen=True)
class SquaredError:
    """|x - G(z)|^2 alone, the loss of a plain autoencoder: half as much again is a normal law's of deviation one."""

    def __call__(self, generator: nn.Module, code: Tensor, x: Tensor) -> Tensor:
        return squared_distance(generator(code), x)


@dataclass(frozen=True)
class Bernoulli:
    """Each pixel is white with the probability that its brightness, in [0, 1], says. Kingma & Welling 2013.

    Of grey pixels the cross-entropy is no likelihood, unless each is first made white or black by chance.
    """

    binarised: bool = False  # is every pixel made white or black by chance, by its brightness, so that nats are nats?

    def suits(self, generator: nn.Module, data: Shape) -> None:
        require(not data.points, "Bernoulli is for pixels, and points have none; give --likelihood "
                '"Gaussian(0.1)" or "LearnedGaussian()"')  # fmt: skip
        require(isinstance(generator, GivesLogits), "Bernoulli needs a generator that tells its pixels' log-odds; give "
                "networks such as ConvolutionalAutoencoder() or DenseAutoencoder()")  # fmt: skip

    def __call__(self, generator: nn.Module, code: Tensor, x: Tensor) -> Tensor:
        assert isinstance(generator, GivesLogits)
        logits, white = upcast(generator.logits(code)), brightness(self.observe(x))
        return binary_cross_entropy_with_logits(logits, white, reduction="none").flatten(1).sum(1)

    def observe(self, x: Tensor) -> Tensor:
        """The images, in [-1, 1], or a draw of black and white ones."""
        return (draw_rows(torch.rand, x, *x.shape[1:]) < brightness(x)).to(x) * 2 - 1 if self.binarised else x


@dataclass(frozen=True)
class Gaussian:
    """Normal around what is made: |x - G(z)|^2 / (2 s^2) + D/2 log(2 pi s^2), for D numbers of an image."""

    std: float = 0.1  # s, of each number, where pixels go from -1 to 1

    def __post_init__(self) -> None:
        require(0 < self.std < math.inf, f"Gaussian: std is {self.std!r}, but should be above 0")

    def __call__(self, generator: nn.Module, code: Tensor, x: Tensor) -> Tensor:
        return gaussian_nll(squared_distance(generator(code), x), 2 * math.log(self.std), x)


@dataclass(frozen=True)
class LearnedGaussian:
    """The same with one s for all numbers, learned too: at the optimum s^2 is the mean squared error of a number."""

    std: float = 0.3  # what s begins at

    def __post_init__(self) -> None:
        require(0 < self.std < math.inf, f"LearnedGaussian: std is {self.std!r}, but should be above 0")

    def memory(self) -> LearnedGaussianMemory:
        return LearnedGaussianMemory(self.std)


class LearnedGaussianMemory(Memory):
    """A LearnedGaussian in play: a player with one weight, log s^2."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.tensor(2 * math.log(std)))

    def forward(self, generator: nn.Module, code: Tensor, x: Tensor) -> Tensor:
        return gaussian_nll(squared_distance(generator(code), x), self.log_variance, x)

    def logged(self) -> Mapping[str, Tensor]:
        return {"std": (self.log_variance.detach() / 2).exp()}


def check_suits(likelihood: object, generator: nn.Module, data: Shape) -> None:
    """Ask a likelihood whether such a generator, on such data, can have it."""
    if isinstance(likelihood, Suits):
        likelihood.suits(generator, data)


def observe(likelihood: object, x: Tensor) -> Tensor:
    """What of images a likelihood is told of, once for all codes."""
    return likelihood.observe(x) if isinstance(likelihood, Observes) else x


def brightness(x: Tensor) -> Tensor:
    """In [0, 1]; a resize, or noise, may have left [-1, 1] by a little."""
    return ((x + 1) / 2).clamp(0, 1)


def squared_distance(made: Tensor, x: Tensor) -> Tensor:
    """|x - made|^2 over all features, (n,), in full precision."""
    return (upcast(made) - x).flatten(1).square().sum(1)


def gaussian_nll(distance: Tensor, log_variance: Tensor | float, x: Tensor) -> Tensor:
    """Minus the log density of a normal law of this variance in each number, (n,), at squared distances (n,)."""
    if not isinstance(log_variance, Tensor):
        log_variance = distance.new_full((), log_variance)
    log_variance = log_variance.to(distance)
    return distance / (2 * log_variance.exp()) + x[0].numel() / 2 * (math.log(2 * math.pi) + log_variance)


LIKELIHOODS: tuple[type, ...] = (SquaredError, Bernoulli, Gaussian, LearnedGaussian)
