"""EBGAN: critics that score a sample by how well they rebuild it. Zhao, Mathieu & LeCun 2016."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import ClassVar

from torch import Tensor, nn

from ..core import Verdict, upcast
from ..layers.init import glorot_uniform, he_uniform
from ..shape import Shape
from .base import Generator, image_pyramid, require_counts, to_pixels
from .dcgan import MIN_HALVINGS, Convolutional, leaky_relu
from .mlp import Perceptron


def euclidean(missed: Tensor) -> Tensor:
    """The root of the sum of squares over all pixels, (n,): EBGAN's, and its margins are in these units."""
    return (missed.square().sum(1) + 1e-12).sqrt()  # at zero itself a root has no slope


class AutoencodingCritic(nn.Module):
    """The score, (n,), is minus the distance between a sample and what its code, the features, is decoded to."""

    energy: ClassVar[bool] = True

    def __init__(
        self, encoder: nn.Module, decoder: nn.Module, distance: Callable[[Tensor], Tensor] = euclidean
    ) -> None:
        super().__init__()
        self.encoder, self.decoder, self.distance = encoder, decoder, distance

    def rebuild(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        again: Tensor = self.decoder(self.encoder(x))
        return again

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        code = self.encoder(x)
        return Verdict(-self.distance(upcast((self.decoder(code) - x).flatten(1))), code)


@dataclass(frozen=True)
class DenseAutoencoding:
    """EBGAN's kind of dense networks, for images of any shape and for points. Zhao et al. 2016; the widths are ours."""

    latent: int = 100  # numbers the generator starts from
    width: int = 512  # of each hidden layer
    depth: int = 2  # hidden layers in the generator, in the encoder and in the decoder
    code: int = 32  # numbers that a sample is rebuilt from

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "depth", "code")

    def generator(self, data: Shape) -> Generator:
        return Perceptron(self.latent, self.width, self.depth).generator(data)

    def critic(self, data: Shape) -> AutoencodingCritic:
        pixels, hidden = prod(data[:3]), Perceptron(width=self.width, depth=self.depth).hidden
        encoder = nn.Sequential(nn.Flatten(), *hidden(pixels), glorot_uniform(nn.Linear(self.width, self.code)))
        decoder = nn.Sequential(*hidden(self.code), glorot_uniform(nn.Linear(self.width, pixels)), *to_pixels(data))
        return AutoencodingCritic(encoder, decoder)


@dataclass(frozen=True)
class Autoencoding:
    """EBGAN's: DCGAN's generator against an encoder of three halvings and its mirror image. Zhao et al. 2016.

    Of theirs the three layers of 64, 128 and 256 channels are known; there is no official code. No batch normalisation
    in the critic, so that the energy of a sample is its own.
    """

    latent: int = 100  # numbers the generator starts from
    width: int = 64  # channels next to the image, doubled wherever the image is halved

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width")

    def generator(self, data: Shape) -> Generator:
        self.check(data)
        return Convolutional(self.latent, self.width).generator(data)

    def critic(self, data: Shape) -> AutoencodingCritic:
        self.check(data)
        widths = (data.channels, self.width, 2 * self.width, 4 * self.width)
        down = chain_leaky_relu(*(he_uniform(nn.Conv2d(a, b, 4, 2, 1)) for a, b in pairwise(widths)))
        up = chain_leaky_relu(*(he_uniform(nn.ConvTranspose2d(a, b, 4, 2, 1)) for a, b in pairwise(widths[::-1])))
        return AutoencodingCritic(nn.Sequential(*down), nn.Sequential(nn.LeakyReLU(0.2), *up, nn.Tanh()))

    def check(self, data: Shape) -> None:
        """Three halvings of the encoder, and those of the generator."""
        image_pyramid(self, data, MIN_HALVINGS, unit=8)


def chain_leaky_relu(*layers: nn.Module) -> list[nn.Module]:
    """Layers with a leaky rectifier between any two."""
    return [part for layer in layers for part in (layer, leaky_relu())][:-1]
