"""SN-GAN: critics whose every layer is spectrally normalised. Miyato et al. 2018."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from torch import nn

from ..errors import require
from ..image_size import ImageSize
from ..layers.init import normal_init
from ..layers.spectral import add_spectral_norms
from ..recipe import Networks
from ..shape import Shape
from .base import Critic, Generator, Wrapped, has_batch_norm, require_counts, require_shape
from .dcgan import Convolutional


@dataclass(frozen=True)
class Spectral(Wrapped):
    """Any pair, every layer of its critic spectrally normalised. Miyato et al. 2018."""

    base: Networks = Convolutional(normal=False)  # what it is made of

    def critic(self, data: Shape) -> nn.Module:
        critic = self.base.critic(data)
        undone = "Spectral bounds the critic's slope, which batch normalisation undoes"
        require(not has_batch_norm(critic), f"{undone}; give it a pair without, such as Convolutional(normal=False)")
        return add_spectral_norms(critic)


@dataclass(frozen=True)
class SpectralConvolutional:
    """SN-GAN's plain networks, three steps between an eighth of the image's size and the image. Miyato et al. 2018.

    Weights begin as in DCGAN, from memory; in the critic that sets no more than how fast they turn.
    """

    latent: int = 128  # numbers the generator starts from
    width: int = 64  # channels next to the image, doubled wherever the image is halved

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width")

    def generator(self, data: Shape) -> Generator:
        w, start = self.width, (8 * self.width, *self.eighth(data))
        layers: list[nn.Module] = [normal_init(nn.Linear(self.latent, prod(start)))]
        layers += [nn.Unflatten(1, start), nn.BatchNorm2d(8 * w), nn.ReLU(inplace=True)]
        for a, b in pairwise((8 * w, 4 * w, 2 * w, w)):
            up = normal_init(nn.ConvTranspose2d(a, b, 4, 2, 1))
            layers += [up, nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
        return Generator(*layers, normal_init(nn.Conv2d(w, data.channels, 3, padding=1)), nn.Tanh())

    def critic(self, data: Shape) -> Critic:
        w, features = self.width, 8 * self.width * prod(self.eighth(data))
        trunk: list[nn.Module] = []
        for a, b in pairwise((data.channels, w, 2 * w, 4 * w)):
            same, half = nn.Conv2d(a, b, 3, padding=1), nn.Conv2d(b, b, 4, 2, 1)
            trunk += [normal_init(same), leaky_relu_01(), normal_init(half), leaky_relu_01()]
        trunk += [normal_init(nn.Conv2d(4 * w, 8 * w, 3, padding=1)), leaky_relu_01(), nn.Flatten()]
        return add_spectral_norms(Critic(nn.Sequential(*trunk), normal_init(nn.Linear(features, 1))))

    def eighth(self, data: Shape) -> ImageSize:
        """An eighth of the image's height and width."""
        near = ImageSize(*(max(8, 8 * round(side / 8)) for side in (data.height, data.width)))
        fits = (data.height, data.width) == near
        require_shape(fits, self, data, "images whose sides are multiples of 8", f"give --size {near.option}")
        return ImageSize(data.height // 8, data.width // 8)


def leaky_relu_01() -> nn.LeakyReLU:
    return nn.LeakyReLU(0.1, inplace=True)
