"""Optimizers and schedules as values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from .core import Clock, Number, at, require

START = Clock()


@dataclass(frozen=True)
class Adam:
    """Kingma & Ba 2015, in torch's fused form."""

    lr: Number = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    eps: float = 1e-8

    def __post_init__(self) -> None:
        steps(self.lr)
        require(all(0 <= beta < 1 for beta in self.betas), f"Adam's betas are {self.betas}, but should be in [0, 1)")
        require(self.eps > 0, f"Adam's eps is {self.eps}, but should be above 0")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, at(self.lr, START), self.betas, self.eps, fused=True)

    def tune(self, optimizer: torch.optim.Optimizer, clock: Clock) -> None:
        put(optimizer, lr=at(self.lr, clock))


@dataclass(frozen=True)
class RMSprop:
    """Tieleman & Hinton 2012, as torch has it: epsilon outside the root, the mean square begins at 0."""

    lr: Number = 5e-5
    alpha: float = 0.99

    def __post_init__(self) -> None:
        steps(self.lr)
        require(0 <= self.alpha < 1, f"RMSprop's alpha is {self.alpha}, but should be in [0, 1)")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.RMSprop(parameters, at(self.lr, START), self.alpha)

    def tune(self, optimizer: torch.optim.Optimizer, clock: Clock) -> None:
        put(optimizer, lr=at(self.lr, clock))


@dataclass(frozen=True)
class SGD:
    """Gradient descent with classical momentum."""

    lr: Number = 0.1
    momentum: Number = 0.0

    def __post_init__(self) -> None:
        steps(self.lr)
        require(callable(self.momentum) or 0 <= self.momentum < 1, f"momentum is {self.momentum}, not in [0, 1)")

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return torch.optim.SGD(parameters, at(self.lr, START), at(self.momentum, START), fused=True)

    def tune(self, optimizer: torch.optim.Optimizer, clock: Clock) -> None:
        put(optimizer, lr=at(self.lr, clock), momentum=at(self.momentum, clock))


def steps(lr: Number) -> None:
    require(callable(lr) or 0 <= lr < math.inf, f"lr is {lr}, but a learning rate is a number from 0 up")


def put(optimizer: torch.optim.Optimizer, **values: float) -> None:
    for group in optimizer.param_groups:
        group.update(values)


@dataclass(frozen=True)
class Linear:
    """From one value to another over this share of the run, and constant after it."""

    start: float
    stop: float = 0.0
    until: float = 1.0

    def __post_init__(self) -> None:
        require(0 < self.until <= 1, f"Linear's until is {self.until}, but should be a share of the run")

    def __call__(self, clock: Clock) -> float:
        return self.start + (self.stop - self.start) * min(clock.share / self.until, 1.0)


@dataclass(frozen=True)
class Cosine:
    """From one value to another along half a cosine, over the whole run."""

    start: float
    stop: float = 0.0

    def __call__(self, clock: Clock) -> float:
        return self.stop + (self.start - self.stop) * (1 + math.cos(math.pi * clock.share)) / 2


@dataclass(frozen=True)
class Ramp:
    """From one value to another over this many rounds, whatever the run's length, and constant after it."""

    start: float
    stop: float
    rounds: int

    def __post_init__(self) -> None:
        require(self.rounds > 0, f"Ramp's rounds are {self.rounds}, but should be above 0")

    def __call__(self, clock: Clock) -> float:
        return self.start + (self.stop - self.start) * min(clock.round / self.rounds, 1.0)


@dataclass(frozen=True)
class Exponential:
    """Divided by a factor each round, down to a floor."""

    start: float
    factor: float
    floor: float = 0.0

    def __call__(self, clock: Clock) -> float:
        return max(self.start * self.factor**-clock.round, self.floor)


@dataclass(frozen=True)
class Burst:
    """A high value in the first rounds and again once in a while, else a low one: WGAN's critic steps, 100 and 5."""

    high: float = 100
    low: float = 5
    first: int = 25
    again: int = 500

    def __call__(self, clock: Clock) -> float:
        return self.high if clock.round < self.first or clock.round % self.again == 0 else self.low


OPTIMIZERS: tuple[type, ...] = (Adam, RMSprop, SGD)
SCHEDULES: tuple[type, ...] = (Linear, Cosine, Ramp, Exponential, Burst)
