"""BEGAN: a critic that autoencodes, its decoder built as the generator is. Berthelot, Schumm & Metz 2017."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from torch import Tensor, nn

from ..image_size import ImageSize
from ..layers.init import glorot_uniform
from ..shape import Shape
from .base import Generator, Pyramid, image_pyramid, require_counts
from .ebgan import AutoencodingCritic


def mean_absolute(missed: Tensor) -> Tensor:
    """The mean over all pixels, (n,): BEGAN's, which does not grow with the image."""
    return missed.abs().mean(1)


@dataclass(frozen=True)
class MirroredAutoencoding:
    """BEGAN's: two convolutions at each size, ELU, nothing normalised, no tanh. Berthelot et al. 2017.

    The layers are those of carpedm20's code, not the authors'. Sides are halved until the shorter has 8 to 15 pixels.
    """

    latent: int = 64  # numbers that the generator starts from, and that a sample is rebuilt from
    width: int = 128  # channels of generator and decoder; the encoder has once, twice, three times as many ...

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width")

    def generator(self, data: Shape) -> Generator:
        return Generator(*self.decoder(data))

    def critic(self, data: Shape) -> AutoencodingCritic:
        encoder, decoder = nn.Sequential(*self.encoder(data)), nn.Sequential(*self.decoder(data))
        return AutoencodingCritic(encoder, decoder, mean_absolute)

    def decoder(self, data: Shape) -> list[nn.Module]:
        start, steps = self.pyramid(data)
        shape = (self.width, *start)
        layers: list[nn.Module] = [glorot_uniform(nn.Linear(self.latent, prod(shape))), nn.Unflatten(1, shape)]
        for step in range(steps + 1):
            layers += [nn.Upsample(scale_factor=2)] if step else []
            layers += [*conv_elu(self.width, self.width), *conv_elu(self.width, self.width)]
        return [*layers, conv3(self.width, data.channels)]

    def encoder(self, data: Shape) -> list[nn.Module]:
        start, steps = self.pyramid(data)
        layers, before = [*conv_elu(data.channels, self.width)], self.width
        for step in range(steps + 1):
            width = self.width * (step + 1)
            layers += [*conv_elu(before, width), *conv_elu(width, width)]
            layers += conv_elu(width, width, stride=2) if step < steps else []
            before = width
        return [*layers, nn.Flatten(), glorot_uniform(nn.Linear(before * prod(start), self.latent))]

    def pyramid(self, data: Shape) -> Pyramid:
        """The smallest map has 8 to 15 pixels at its shorter side, twice what others leave."""
        (height, width), steps = image_pyramid(self, data)
        return Pyramid(ImageSize(2 * height, 2 * width), steps - 1)


def conv3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return glorot_uniform(nn.Conv2d(inputs, outputs, 3, stride, 1))


def conv_elu(inputs: int, outputs: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    return conv3(inputs, outputs, stride), nn.ELU()
