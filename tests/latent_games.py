"""Loaded games whose latents can be worked out by hand: linear generators, with and without classes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import Game, Turn
from saddle.inference.loaded import LoadedGame
from saddle.layers.priors import Normal, Uniform
from saddle.recipe import Prior
from saddle.shape import Classes, Shape

CPU = torch.device("cpu")


class Linear(Game[Images]):
    """G(z, y) = A z + b_y, with an A of seeded random numbers, small enough that images stay in [-1, 1]."""

    def __init__(self, data: Shape, latent: int = 4, prior: Prior = Normal(), scale: float = 0.05) -> None:
        super().__init__()
        dice = torch.Generator().manual_seed(1)
        self.data, self.latent, self.prior = data, latent, prior
        pixels = data.channels * data.height * data.width
        self.generator = nn.Module()
        self.generator.register_buffer("a", scale * torch.randn(pixels, latent, generator=dice))
        self.generator.register_buffer("b", 0.2 * torch.randn(max(1, data.classes), pixels, generator=dice))

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        raise NotImplementedError

    def latents(self, like: Tensor) -> Tensor:
        return self.prior(like, self.latent)

    def make(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        places = torch.zeros(len(latents), dtype=torch.int64) if condition is None else condition
        flat = latents @ self.generator.a.T + self.generator.b[places]
        return flat.reshape(-1, *self.data[:3])


class LinearEncoded(Linear):
    """The same with its exact encoder."""

    def encode(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return (images.flatten(1) - self.generator.b[:1]) @ torch.linalg.pinv(self.generator.a).T


def linear(classes: int = 0, side: int = 12, latent: int = 4, kind: type[Linear] = Linear,
           prior: Prior = Normal()) -> LoadedGame:  # fmt: skip
    names = tuple("abcdefgh"[:classes])
    data = Shape(1, side, side, Classes(classes, names) if classes else None)
    game = kind(data, latent, prior).eval().requires_grad_(False)
    return LoadedGame(game, data, names, CPU)


def bounded(latent: int = 4) -> LoadedGame:
    return linear(latent=latent, prior=Uniform())
