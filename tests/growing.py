"""A game that grows from 4 pixels a side to 16, each new size faded in: small, but as progressive growing is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch.nn.functional as F
from torch import Tensor, lerp, nn

from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import Judge, Turn, Verdict
from saddle.games import Adversarial
from saddle.optim import Adam, Linear, PerStage
from saddle.recipe import Stage
from saddle.recipes.versus import Versus
from saddle.shape import Shape

FADE = PerStage(Linear(0.0, 1.0, until=0.5))  # how much of a new size is seen: all of it from half of its stage on
WIDTH = 4


class Grower(nn.Module):
    def __init__(self, latent: int, data: Shape) -> None:
        super().__init__()
        sizes = range((data.height // 4).bit_length())
        self.first = nn.Linear(latent, WIDTH * 16)
        self.layers = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 3, padding=1) for _ in sizes)
        self.pictures = nn.ModuleList(nn.Conv2d(WIDTH, data.channels, 1) for _ in sizes)

    def forward(self, z: Tensor, condition: Tensor | None = None, side: int = 16, fade: float = 1.0) -> Tensor:
        h = self.layers[0](F.leaky_relu(self.first(z).unflatten(1, (WIDTH, 4, 4)), 0.2))
        made: Tensor = self.pictures[0](h)
        for layer, picture in zip(self.layers[1 : side.bit_length() - 2], self.pictures[1:], strict=False):
            h = F.leaky_relu(layer(F.interpolate(h, scale_factor=2)), 0.2)
            made = lerp(F.interpolate(made, scale_factor=2), picture(h), fade if h.shape[2] == side else 1.0)
        return made


class GrowingCritic(nn.Module):
    def __init__(self, data: Shape) -> None:
        super().__init__()
        sizes = range((data.height // 4).bit_length())
        self.pictures = nn.ModuleList(nn.Conv2d(data.channels, WIDTH, 1) for _ in sizes)
        self.layers = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 3, padding=1) for _ in sizes)
        self.head = nn.Linear(WIDTH * 16, 1)

    def forward(self, x: Tensor, condition: Tensor | None = None, fade: float = 1.0) -> Verdict:
        top = x.shape[2].bit_length() - 3
        h = self.pictures[top](x)
        for level in range(top, 0, -1):
            h = F.avg_pool2d(F.leaky_relu(self.layers[level](h), 0.2), 2)
            h = lerp(self.pictures[top - 1](F.avg_pool2d(x, 2)), h, fade) if level == top else h
        features = F.leaky_relu(self.layers[0](h), 0.2).flatten(1)
        return Verdict(self.head(features).squeeze(1), features)


class Growth(Adversarial):
    """Growth is written once, as a function of the clock."""

    @property
    def fade(self) -> float:
        return FADE(self.clock) if self.clock.stage else 1.0

    def make(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        fake: Tensor = self.generator(latents, condition, 4 << self.clock.stage, self.fade)
        return fake

    def open_judge(self, condition: Tensor | None, clock: Clock) -> Judge:
        return Judge(partial(self.critic, fade=self.fade), clock, condition)  # type: ignore[arg-type]

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        return super().round(map(self.fade_reals, batches), clock)

    def fade_reals(self, batch: Images) -> Images:
        coarse = F.interpolate(F.avg_pool2d(batch.image, 2), scale_factor=2)
        return Images(lerp(coarse, batch.image, self.fade), batch.condition)


@dataclass(frozen=True)
class Pair:
    latent: int = 4

    def generator(self, data: Shape) -> nn.Module:
        return Grower(self.latent, data)

    def critic(self, data: Shape) -> nn.Module:
        return GrowingCritic(data)


@dataclass(frozen=True)
class Growing(Versus):
    """A stage for each size, of equal shares of the run; the last one steps more slowly."""

    networks: Pair = Pair()
    batch: int = 8
    each: int | None = None  # images at each size; a third of the run if not given

    def game(self, data: Shape) -> Growth:
        return self.play(Growth, data)

    def stages(self, data: Shape, images: int) -> tuple[Stage, ...]:
        each = self.each or images / 3
        return (
            Stage(int(each), data._replace(height=4, width=4), 2 * self.batch),
            Stage(int(2 * each), data._replace(height=8, width=8), self.batch),
            Stage(int(3 * each), data, self.batch, lambda player: Adam(1e-4, (0.0, 0.99))),
        )
