"""Games that can do little: recipes of one's own for tests, of fields and weights as small as can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from saddle.batches import Images, Pairs
from saddle.clock import Clock
from saddle.core import Game, Move, Turn
from saddle.games import Adversarial
from saddle.layers.priors import Normal
from saddle.networks import Perceptron
from saddle.optim import Adam
from saddle.parts import draw_rows
from saddle.recipe import Recipe
from saddle.shape import Shape


class Autoencoder(Game[Images]):
    """Encodes and reconstructs; it has no critic, and makes nothing out of chance."""

    makers = ("encoder", "decoder")

    def __init__(self, data: Shape, codes: int = 2) -> None:
        super().__init__()
        pixels = data.channels * data.height * data.width
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, codes))
        self.decoder = nn.Sequential(nn.Linear(codes, pixels), nn.Unflatten(1, data[:3]), nn.Tanh())

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        x = next(batches).image
        yield Move(self.encoder, self.decoder, error=(self.reconstruct(x) - x).square().mean())

    def encode(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.encoder(images)

    def reconstruct(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.decoder(self.encode(images))


class VAE(Autoencoder):
    """It also generates, in a style; its codes are drawn."""

    latent = 2

    def encode(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        mean = self.encoder(images)
        return mean + 0.1 * draw_rows(torch.randn, mean, self.latent)

    def latents(self, like: Tensor) -> Tensor:
        return Normal()(like, self.latent)

    def make(self, latents: Tensor, condition: Tensor | None = None, *, truncation: float = 1.0) -> Tensor:
        return self.decoder(truncation * latents)


class NormalCodes(Autoencoder):
    """Its codes are normal distributions, of each number a mean and a log variance."""

    def __init__(self, data: Shape) -> None:
        super().__init__(data)
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(data.channels * data.height * data.width, 4))

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.encoder(images).chunk(2, 1)
        return mean, log_variance

    def encode(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.posterior(images)[0]


class BatchNormed(Autoencoder):
    """With batch normalisation in both networks."""

    def __init__(self, data: Shape) -> None:
        super().__init__(data)
        self.encoder.append(nn.BatchNorm1d(2))
        self.decoder.insert(1, nn.BatchNorm1d(data.channels * data.height * data.width))


class Negative(Game[Pairs]):
    """Translates a source into a target, and back where it is asked to."""

    makers = ("shift",)

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Conv2d(1, 1, 1)

    def round(self, batches: Iterator[Pairs], clock: Clock) -> Iterator[Turn]:
        batch = next(batches)
        yield Move(self.shift, error=(self.translate(batch.source) - batch.target).square().mean())

    def translate(self, images: Tensor, condition: Tensor | None = None, *, back: bool = False) -> Tensor:
        made: Tensor = self.shift(images)
        return -made if back else made


class ForPictures(Adversarial):
    """Generates, but for a picture each."""

    def make(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        assert condition is not None
        return condition + 0 * super().make(latents)


class Silent(Game[Images]):
    """Learns, and does nothing that could be asked for."""

    makers = ()

    def __init__(self, data: Shape) -> None:
        super().__init__()
        self.mean = nn.Module()
        self.mean.register_parameter("value", nn.Parameter(torch.zeros(data[:3])))

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        yield Move(self.mean, error=(next(batches).image - self.mean.value).square().mean())


class Nameless(Autoencoder):
    """It forgets to say what is averaged."""

    makers = ("generator",)


class Tiny(Recipe[Images]):
    def steps(self, player: str) -> Adam:
        return Adam(lr=1e-2)


@dataclass(frozen=True)
class AE(Tiny):
    batch: int = 8

    def game(self, data: Shape) -> Autoencoder:
        return Autoencoder(data)


@dataclass(frozen=True)
class VariationalAE(Tiny):
    batch: int = 8

    def game(self, data: Shape) -> VAE:
        return VAE(data)


@dataclass(frozen=True)
class Normals(Tiny):
    batch: int = 8

    def game(self, data: Shape) -> NormalCodes:
        return NormalCodes(data)


@dataclass(frozen=True)
class Normed(Tiny):
    batch: int = 8

    def game(self, data: Shape) -> BatchNormed:
        return BatchNormed(data)


@dataclass(frozen=True)
class GAN(Tiny):
    batch: int = 8

    def game(self, data: Shape) -> Adversarial:
        nets = Perceptron(latent=2, width=8, depth=1)
        return Adversarial(nets.generator(data), nets.critic(data), nets.latent)


@dataclass(frozen=True)
class Mean(Tiny):
    batch: int = 8

    def game(self, data: Shape) -> Silent:
        return Silent(data)


@dataclass(frozen=True)
class Forgetful(Tiny):
    batch: int = 8

    def game(self, data: Shape) -> Nameless:
        return Nameless(data)
