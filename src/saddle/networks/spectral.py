"""SN-GAN: critics whose every layer is spectrally normalised. Miyato et al. 2018."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from torch import nn

from ..core import Networks, Shape, require
from ..layers.initial import gaussian, glorot
from ..layers.resampling import Total
from ..layers.residual import halving, plain
from ..layers.spectral import normalised
from .convolutional import Convolutional
from .ends import Critic, Generator, Wrapped, batch_normalised, counts, takes
from .residual import Residual32


@dataclass(frozen=True)
class Spectral(Wrapped):
    """Any pair, every layer of its critic spectrally normalised. Miyato et al. 2018."""

    base: Networks = Convolutional(normal=False)  # what it is made of

    def critic(self, data: Shape) -> nn.Module:
        critic = self.base.critic(data)
        undone = "Spectral bounds the critic's slope, which batch normalisation undoes"
        require(not batch_normalised(critic), f"{undone}; give it a pair without, such as Convolutional(normal=False)")
        return normalised(critic)


@dataclass(frozen=True)
class SpectralResidual32:
    """SN-GAN's residual networks for CIFAR-10. Miyato et al. 2018.

    WGAN-GP's, but for a generator twice as wide, and sums over places where that takes means.
    """

    latent: int = 128  # numbers the generator starts from
    width: int = 128  # channels of the critic's blocks
    width_generator: int = 256  # channels of the generator's blocks

    def __post_init__(self) -> None:
        counts(self, "latent", "width", "width_generator")

    def generator(self, data: Shape) -> Generator:
        self.check(data)
        return Residual32(self.latent, self.width_generator).generator(data)

    def critic(self, data: Shape) -> Critic:
        self.check(data)
        w = self.width
        blocks = (halving(data.channels, w, first=True), halving(w, w), plain(w), plain(w))
        return normalised(summing(w, *blocks))

    def check(self, data: Shape) -> None:
        takes(data[1:3] == (32, 32), self, data, "32x32 pixels", "give --size 32")


def summing(width: int, *blocks: nn.Module) -> Critic:
    """A critic that reads its scores from the sum over all places, without a bias, as in their code."""
    trunk = nn.Sequential(*blocks, nn.ReLU(inplace=True), Total())
    return Critic(trunk, glorot(nn.Linear(width, 1, bias=False)))


@dataclass(frozen=True)
class SpectralConvolutional:
    """SN-GAN's plain networks, three steps between an eighth of the image's side and the image. Miyato et al. 2018.

    Weights begin as in DCGAN, from memory; in the critic that sets no more than how fast they turn.
    """

    latent: int = 128  # numbers the generator starts from
    width: int = 64  # channels next to the image, doubled wherever the image is halved

    def __post_init__(self) -> None:
        counts(self, "latent", "width")

    def generator(self, data: Shape) -> Generator:
        side, w = self.side(data), self.width
        layers: list[nn.Module] = [gaussian(nn.Linear(self.latent, 8 * w * side * side))]
        layers += [nn.Unflatten(1, (8 * w, side, side)), nn.BatchNorm2d(8 * w), nn.ReLU(inplace=True)]
        for a, b in pairwise((8 * w, 4 * w, 2 * w, w)):
            up = gaussian(nn.ConvTranspose2d(a, b, 4, 2, 1))
            layers += [up, nn.BatchNorm2d(b), nn.ReLU(inplace=True)]
        return Generator(*layers, gaussian(nn.Conv2d(w, data.channels, 3, padding=1)), nn.Tanh())

    def critic(self, data: Shape) -> Critic:
        side, w = self.side(data), self.width
        trunk: list[nn.Module] = []
        for a, b in pairwise((data.channels, w, 2 * w, 4 * w)):
            same, half = nn.Conv2d(a, b, 3, padding=1), nn.Conv2d(b, b, 4, 2, 1)
            trunk += [gaussian(same), leaky(), gaussian(half), leaky()]
        trunk += [gaussian(nn.Conv2d(4 * w, 8 * w, 3, padding=1)), leaky(), nn.Flatten()]
        return normalised(Critic(nn.Sequential(*trunk), gaussian(nn.Linear(8 * w * side * side, 1))))

    def side(self, data: Shape) -> int:
        """An eighth of the image's side."""
        fits = data.width == data.height and data.height % 8 == 0
        near = max(8, 8 * round(data.height / 8))
        takes(fits, self, data, "square images whose side is a multiple of 8", f"give --size {near}")
        return data.height // 8


def leaky() -> nn.LeakyReLU:
    return nn.LeakyReLU(0.1, inplace=True)
