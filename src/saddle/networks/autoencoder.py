"""An encoder and a generator that mirror one another: dense, or convolutional. Hinton & Salakhutdinov 2006."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from ..errors import require
from ..layers.init import glorot_uniform, he_uniform
from ..shape import Shape
from .base import Pyramid, image_pyramid, require_counts
from .dcgan import leaky_relu


class Encoder(nn.Sequential):
    """Layers from images to what is kept of them, (n, numbers), whatever the condition."""

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        for layer in self:
            x = layer(x)
        return x


class Decoder(nn.Module):
    """A generator of images (n, channels, height, width) from codes (n, latent), whatever the condition.

    What it squashes, `logits`, are log-odds: a pixel x in [-1, 1] stands for the probability (x + 1) / 2 of white.
    """

    def __init__(self, layers: nn.Module, unbounded: bool) -> None:
        super().__init__()
        self.layers, self.unbounded = layers, unbounded

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        logits = self.logits(z, condition)
        return logits if self.unbounded else (logits / 2).tanh()

    def logits(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """The same numbers before they are squashed."""
        made: Tensor = self.layers(z)
        return made


@dataclass(frozen=True)
class DenseAutoencoder:
    """Dense layers with rectifiers, for images of any shape and for points; without hidden ones, linear maps."""

    latent: int = 32  # numbers of a code
    widths: tuple[int, ...] = (512, 256)  # of the encoder's hidden layers; the generator has them in reverse

    def __post_init__(self) -> None:
        require_counts(self, "latent")
        whole = all(type(width) is int and width >= 1 for width in self.widths)
        require(whole, f"DenseAutoencoder: widths are {self.widths!r}, but should be whole numbers of at least 1")

    def encoder(self, data: Shape, numbers: int = 1) -> Encoder:
        return Encoder(nn.Flatten(), *chain_dense(prod(data[:3]), *self.widths, numbers * self.latent))

    def generator(self, data: Shape) -> Decoder:
        layers = chain_dense(self.latent, *self.widths[::-1], prod(data[:3]))
        return Decoder(nn.Sequential(*layers, nn.Unflatten(1, data[:3])), data.points)


@dataclass(frozen=True)
class ConvolutionalAutoencoder:
    """Kernels of 4x4, the sides halved until the shorter has 4 to 7 pixels, as in DCGAN, without normalisation."""

    latent: int = 64  # numbers of a code
    width: int = 32  # channels next to the image, doubled wherever the image is halved

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width")

    def encoder(self, data: Shape, numbers: int = 1) -> Encoder:
        start, widths = self.pyramid(data).start, self.widths(data)
        layers: list[nn.Module] = []
        for a, b in pairwise((data.channels, *widths)):
            layers += [he_uniform(nn.Conv2d(a, b, 4, 2, 1)), leaky_relu()]
        last = glorot_uniform(nn.Linear(widths[-1] * prod(start), numbers * self.latent))
        return Encoder(*layers, nn.Flatten(), last)

    def generator(self, data: Shape) -> Decoder:
        start, widths = self.pyramid(data).start, self.widths(data)[::-1]
        first = he_uniform(nn.Linear(self.latent, widths[0] * prod(start)))
        layers = [first, leaky_relu(), nn.Unflatten(1, (widths[0], *start))]
        for a, b in pairwise(widths):
            layers += [he_uniform(nn.ConvTranspose2d(a, b, 4, 2, 1)), leaky_relu()]
        last = glorot_uniform(nn.ConvTranspose2d(widths[-1], data.channels, 4, 2, 1))
        return Decoder(nn.Sequential(*layers, last), data.points)

    def widths(self, data: Shape) -> list[int]:
        """Channels at half the image's size, at a quarter, ... down to the smallest map."""
        return [self.width << level for level in range(self.pyramid(data).steps)]

    def pyramid(self, data: Shape) -> Pyramid:
        return image_pyramid(self, data)


def chain_dense(*sizes: int) -> list[nn.Module]:
    """Linear layers of these sizes, with a rectifier between any two."""
    *hidden, (last, out) = pairwise(sizes)
    rectified = [part for a, b in hidden for part in (he_uniform(nn.Linear(a, b)), nn.ReLU(inplace=True))]
    return [*rectified, glorot_uniform(nn.Linear(last, out))]
