"""Pairs of papers' experiments with points in the plane; they take images of any shape too."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Literal

from torch import Tensor, nn

from ..errors import require
from ..layers.init import glorot_uniform, he_uniform, zero_bias
from ..layers.maxout import Maxout
from ..shape import Shape
from .base import Critic, Generator, require_counts, to_pixels


@dataclass(frozen=True)
class MaxoutPerceptron:
    """PacGAN's for points: batch normalisation against maxout, as Packed(MaxoutPerceptron()). Lin et al. 2018."""

    latent: int = 2  # numbers the generator starts from
    width: int = 400  # of each of the generator's hidden layers
    depth: int = 4  # hidden layers in the generator
    maxout: int = 200  # width of each of the critic's hidden layers
    pieces: int = 5  # linear functions in one maxout
    depth_critic: int = 3  # hidden layers in the critic

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "depth", "maxout", "pieces", "depth_critic")

    def generator(self, data: Shape) -> Generator:
        layers: list[nn.Module] = []
        for a, b in pairwise((self.latent, *[self.width] * self.depth)):
            layers += [he_uniform(nn.Linear(a, b)), nn.BatchNorm1d(b), nn.ReLU(inplace=True)]
        return Generator(*layers, glorot_uniform(nn.Linear(self.width, prod(data[:3]))), *to_pixels(data))

    def critic(self, data: Shape) -> Critic:
        sizes = (prod(data[:3]), *[self.maxout] * self.depth_critic)
        hidden = [Maxout(a, b, self.pieces) for a, b in pairwise(sizes)]
        for layer in hidden:
            glorot_uniform(layer.linear)
        return Critic(nn.Sequential(nn.Flatten(), *hidden), glorot_uniform(nn.Linear(self.maxout, 1)))


@dataclass(frozen=True)
class OrthogonalPerceptron:
    """The unrolled GAN's, its weights at first orthogonal. Metz et al. 2017.

    Those of Nagarajan & Kolter (2017) have activation relu, gain 0.8, depth_critic 1, shrink 4.
    """

    latent: int = 256  # numbers the generator starts from
    width: int = 128  # of each hidden layer
    depth: int = 2  # hidden layers in the generator
    depth_critic: int = 2  # hidden layers in the critic
    activation: Literal["tanh", "relu"] = "tanh"  # behind each hidden layer
    gain: float = 1.4  # all singular values of each layer's first weight
    shrink: float = 1.0  # what the critic's input is divided by

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "depth", "depth_critic")
        known = self.activation in ACTIVATIONS
        require(known, f"OrthogonalPerceptron: activation is {self.activation!r}, but should be tanh or relu")
        for name in ("gain", "shrink"):
            given = getattr(self, name)
            require(given > 0, f"OrthogonalPerceptron: {name} is {given!r}, but should be above 0")

    def generator(self, data: Shape) -> Generator:
        hidden = self.hidden(self.latent, self.depth)
        return Generator(*hidden, self.init_orthogonal(nn.Linear(self.width, prod(data[:3]))), *to_pixels(data))

    def critic(self, data: Shape) -> Critic:
        hidden = self.hidden(prod(data[:3]), self.depth_critic)
        shrink = [Divide(self.shrink)] if self.shrink != 1 else []
        trunk = nn.Sequential(nn.Flatten(), *shrink, *hidden)
        return Critic(trunk, self.init_orthogonal(nn.Linear(self.width, 1)))

    def hidden(self, inputs: int, depth: int) -> list[nn.Module]:
        sizes, act = (inputs, *[self.width] * depth), ACTIVATIONS[self.activation]
        return [layer for a, b in pairwise(sizes) for layer in (self.init_orthogonal(nn.Linear(a, b)), act())]

    def init_orthogonal(self, layer: nn.Linear) -> nn.Linear:
        nn.init.orthogonal_(layer.weight, self.gain)
        return zero_bias(layer)


ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU}


class Divide(nn.Module):
    """x / by."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def forward(self, x: Tensor) -> Tensor:
        return x / self.by
