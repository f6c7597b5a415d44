"""Games that play with pairs, with two kinds of pictures that have nothing to do with one another, with captions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from saddle.batches import Captioned, Pairs, Unpaired
from saddle.clock import Clock
from saddle.core import Game, Move, Turn, frozen
from saddle.layers.priors import Normal
from saddle.optim import SGD
from saddle.recipe import Paper, Recipe
from saddle.shape import Picture, Shape, Text


def critic(channels: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, 4, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 4))


class Pix(Game[Pairs]):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Conv2d(before, 4, 3, 1, 1), nn.Tanh(), nn.Conv2d(4, after, 3, 1, 1))
        self.critic = critic(before + after)

    def round(self, batches: Iterator[Pairs], clock: Clock) -> Iterator[Turn]:
        batch = next(batches)
        fake = self.translate(batch.source)
        real, made = (self.critic(torch.cat((batch.source, x), 1)) for x in (batch.target, fake.detach()))
        yield Move(self.critic, adversarial=softplus(-real).mean() + softplus(made).mean())
        with frozen(self.critic):
            again = self.critic(torch.cat((batch.source, fake), 1))
        yield Move(self.generator, adversarial=softplus(-again).mean(), l1=(fake - batch.target).abs().mean())

    def translate(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        made: Tensor = self.generator(images)
        return made

    def show(self, batch: Pairs) -> Mapping[str, Tensor]:
        return {"source": batch.source, "made": self.translate(batch.source), "target": batch.target}


class Cycle(Game[Unpaired]):
    makers = ("there", "back")

    def __init__(self, a: int, b: int) -> None:
        super().__init__()
        self.there, self.back = nn.Conv2d(a, b, 3, 1, 1), nn.Conv2d(b, a, 3, 1, 1)
        self.critic_a, self.critic_b = critic(a), critic(b)

    def round(self, batches: Iterator[Unpaired], clock: Clock) -> Iterator[Turn]:
        a, b = next(batches)
        fake_b, fake_a = self.there(a), self.back(b)
        cycle = (self.back(fake_b) - a).abs().mean() + (self.there(fake_a) - b).abs().mean()
        with frozen(self.critic_a, self.critic_b):
            fooled = softplus(-self.critic_a(fake_a)).mean() + softplus(-self.critic_b(fake_b)).mean()
        yield Move(self.there, self.back, adversarial=fooled, cycle=cycle)
        yield tuple(Move(c, adversarial=softplus(-c(real)).mean() + softplus(c(fake.detach())).mean())
                    for c, real, fake in ((self.critic_a, a, fake_a), (self.critic_b, b, fake_b)))  # fmt: skip

    def translate(self, images: Tensor, condition: Tensor | None = None, *, back: bool = False) -> Tensor:
        made: Tensor = (self.back if back else self.there)(images)
        return made

    def show(self, batch: Unpaired) -> Mapping[str, Tensor]:
        return {"a": batch.a, "b": self.translate(batch.a)}


class Draw(Game[Captioned]):
    def __init__(self, data: Shape, words: Text) -> None:
        super().__init__()
        size = data.channels * data.height * data.width
        self.generator = nn.ModuleDict({"words": nn.EmbeddingBag(words.vocabulary, 4), "out": nn.Linear(8, size)})
        self.critic = nn.ModuleDict({"words": nn.EmbeddingBag(words.vocabulary, 4), "out": nn.Linear(size + 4, 1)})
        self.size = data[:3]

    def judged(self, image: Tensor, caption: Tensor) -> Tensor:
        score: Tensor = self.critic["out"](torch.cat((image.flatten(1), self.critic["words"](caption)), 1))
        return score

    def round(self, batches: Iterator[Captioned], clock: Clock) -> Iterator[Turn]:
        image, caption = next(batches)
        fake = self.make(self.latents(image), caption)
        real, made = self.judged(image, caption), self.judged(fake.detach(), caption)
        yield Move(self.critic, adversarial=softplus(-real).mean() + softplus(made).mean())
        with frozen(self.critic):
            again = self.judged(fake, caption)
        yield Move(self.generator, adversarial=softplus(-again).mean())

    def latents(self, like: Tensor) -> Tensor:
        return Normal()(like, 4)

    def make(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        told = torch.cat((latents, self.generator["words"](condition)), 1)
        made: Tensor = self.generator["out"](told).tanh().view(-1, *self.size)
        return made

    def show(self, batch: Captioned) -> Mapping[str, Tensor]:
        return {"real": batch.image, "made": self.make(self.latents(batch.image), batch.caption)}


@dataclass(frozen=True)
class Tiny(Recipe[Any]):
    paper: ClassVar[Paper] = Paper("nobody", 2026, "none")
    batch: int = 8

    def steps(self, player: str) -> SGD:
        return SGD(0.05)


@dataclass(frozen=True)
class TinyPix(Tiny):
    batch_type: ClassVar[type[Any]] = Pairs

    def game(self, data: Shape) -> Pix:
        assert isinstance(data.condition, Picture)
        return Pix(data.condition.shape.channels, data.channels)


@dataclass(frozen=True)
class TinyCycle(Tiny):
    batch_type: ClassVar[type[Any]] = Unpaired

    def game(self, data: Shape) -> Cycle:
        assert isinstance(data.condition, Picture)
        return Cycle(data.condition.shape.channels, data.channels)


@dataclass(frozen=True)
class TinyDraw(Tiny):
    batch_type: ClassVar[type[Any]] = Captioned

    def game(self, data: Shape) -> Draw:
        assert isinstance(data.condition, Text)
        return Draw(data, data.condition)
