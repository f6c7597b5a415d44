"""Pairs without convolutions. They take images of any shape, and points."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from torch import nn

from ..errors import require
from ..layers.init import glorot_uniform, he_uniform, uniform_init
from ..layers.maxout import Maxout
from ..shape import Shape
from .base import Critic, Generator, require_counts, to_pixels


@dataclass(frozen=True)
class Dense:
    """The first GAN's digit networks: rectifiers against maxout with dropout. Goodfellow et al. 2014.

    Theirs ended in a sigmoid whose bias began at the pixels' log-odds; ours end in tanh, since images are in [-1, 1],
    and its bias begins at zero, since networks are built before they see data.
    """

    latent: int = 100  # numbers the generator starts from
    width: int = 1200  # of the generator's two hidden layers
    maxout: int = 240  # width of the critic's two hidden layers
    pieces: int = 5  # linear functions in one maxout
    dropout_input: float = 0.2  # share of the critic's pixels left out
    dropout: float = 0.5  # share of the critic's hidden units left out

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "maxout", "pieces")
        for name in ("dropout_input", "dropout"):
            share = getattr(self, name)
            require(0 <= share < 1, f"Dense: {name} is {share!r}, but should be a share from 0 to below 1")

    def generator(self, data: Shape) -> Generator:
        sizes = (self.latent, self.width, self.width, prod(data[:3]))
        first, second, last = (uniform_init(nn.Linear(a, b), 0.05) for a, b in pairwise(sizes))
        return Generator(first, nn.ReLU(inplace=True), second, nn.ReLU(inplace=True), last, *to_pixels(data))

    def critic(self, data: Shape) -> Critic:
        trunk = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(self.dropout_input),
            self.hidden(prod(data[:3])),
            nn.Dropout(self.dropout),
            self.hidden(self.maxout),
            nn.Dropout(self.dropout),
        )
        return Critic(trunk, uniform_init(nn.Linear(self.maxout, 1), 0.005))

    def hidden(self, inputs: int) -> Maxout:
        layer = Maxout(inputs, self.maxout, self.pieces)
        uniform_init(layer.linear, 0.005)
        return layer


@dataclass(frozen=True)
class Perceptron:
    """Plain rectifier networks, WGAN-GP's for points in the plane. Gulrajani et al. 2017."""

    latent: int = 2  # numbers the generator starts from
    width: int = 512  # of each hidden layer
    depth: int = 3  # hidden layers in each network
    bias: float = 0.0  # hidden units' begin at random up to this, either way; 0 is the paper's

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "depth")
        require(self.bias >= 0, f"Perceptron: bias is {self.bias!r}, but should be 0 or more")

    def generator(self, data: Shape) -> Generator:
        return Generator(
            *self.hidden(self.latent), glorot_uniform(nn.Linear(self.width, prod(data[:3]))), *to_pixels(data)
        )

    def critic(self, data: Shape) -> Critic:
        trunk = nn.Sequential(nn.Flatten(), *self.hidden(prod(data[:3])))
        return Critic(trunk, glorot_uniform(nn.Linear(self.width, 1)))

    def hidden(self, inputs: int) -> list[nn.Module]:
        sizes = (inputs, *[self.width] * self.depth)
        return [layer for a, b in pairwise(sizes) for layer in (self.init_he(nn.Linear(a, b)), nn.ReLU(inplace=True))]

    def init_he(self, layer: nn.Linear) -> nn.Linear:
        he_uniform(layer)
        if self.bias:
            nn.init.uniform_(layer.bias, -self.bias, self.bias)
        return layer
