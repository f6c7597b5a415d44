"""A game that grows: it begins with small images, and fades in each larger size. Karras et al. 2017."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, Unpack, cast, runtime_checkable

import torch
from torch import Tensor, nn

from ..batches import Images
from ..capabilities import per_sample_score
from ..clock import Clock, value_at
from ..core import Judge, Turn, View
from ..errors import require
from ..layers.conditional import check_classes
from ..layers.resampling import double, halve
from .adversarial import Adversarial
from .slots import Slots
from .style import StyleBased

FULLY_GROWN = Clock(share=1.0, stage=1000, stage_share=1.0)  # after all stages


@runtime_checkable
class Grows(Protocol):
    """A network with a level for each size.

    A generator is called with `level` and `fade`, a critic, which sees the level, with `fade`, a share: 0 is the level
    below, 1 the level's own plain network.
    """

    @property
    def levels(self) -> int: ...


@dataclass(frozen=True)
class FadeIn:
    """How far the size of each stage is faded in: in a straight line over this share of the stage, then wholly."""

    shares: tuple[float, ...]  # of each stage

    def __call__(self, clock: Clock) -> float:
        share = self.shares[clock.stage] if clock.stage < len(self.shares) else 0.0
        return min(clock.stage_share / share, 1.0) if share else 1.0


@dataclass(frozen=True)
class Faster:
    """From a side of the images on, rates are so many times as high."""

    side: int = 1024  # pixels
    times: float = 1.5  # as high

    def __post_init__(self) -> None:
        require(self.side >= 1, f"Faster's side is {self.side}, but should be 1 pixel or more")
        require(self.times > 0, f"Faster's times are {self.times}, but should be above 0")


class ProgressiveGrowing(Adversarial):
    """In each stage of a run a larger size; generator, critic and reals are faded in alike, as the clock has it.

    Needs networks that grow, such as those of networks.Progressive. A game that nobody has told the time is grown.
    """

    clock: Clock = FULLY_GROWN

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        fade: FadeIn,
        first: int = 0,  # the level of the first stage
        **slots: Unpack[Slots],
    ) -> None:
        for network in (generator, critic):
            require(isinstance(network, Grows), f"{type(self).__name__} plays at one size after another, but "
                    f"{type(network).__name__} has one alone; give --networks \"Progressive()\"")  # fmt: skip
        plain = isinstance(self, StyleGrowing) or not hasattr(generator, "synthesis")
        require(plain, f"{type(self).__name__} plays with latents, and {type(generator).__name__} makes its samples by "
                "way of styles; give --networks \"Progressive()\", or take the recipe stylegan")  # fmt: skip
        super().__init__(generator, critic, latent, **slots)
        self.fade_in, self.first, self.levels = fade, first, cast(Grows, generator).levels

    @property
    def level(self) -> int:
        """Of the samples that are made now: 0 is the smallest size."""
        return min(self.first + self.clock.stage, self.levels - 1)

    @property
    def fade(self) -> float:
        """How far that level is faded in, 0 to 1."""
        return value_at(self.fade_in, self.clock)

    def make(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        check_classes(self, condition)
        fake: Tensor = self.generator(latents, condition, level=self.level, fade=self.fade)
        return fake

    def open_judge(self, condition: Tensor | None, clock: Clock) -> Judge:
        return self.faded_judge(condition, clock, self.views)

    def score(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        check_classes(self, condition)
        return per_sample_score(self.faded_judge(condition, self.clock)(images).score)

    def faded_judge(self, condition: Tensor | None, clock: Clock, views: tuple[View, ...] = ()) -> Judge:
        return Judge(cast(nn.Module, partial(self.critic, fade=self.fade)), clock, condition, views)

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        return super().round(map(self.fade_reals, batches), clock)

    def fade_reals(self, batch: Images) -> Images:
        """Reals as blurred as the fakes are, on their way from the size below to this one, as in the authors' code."""
        if self.fade == 1:
            return batch
        return batch._replace(image=torch.lerp(double(halve(batch.image)), batch.image, self.fade))

    def phase(self, clock: Clock) -> Hashable:
        """No two rounds are alike while a size is faded in."""
        return None if self.fade < 1 else (self.level, super().phase(clock))


class StyleGrowing(StyleBased, ProgressiveGrowing):
    """Growing with styles: those of the layers that are there. Karras et al. 2018."""

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        fade: FadeIn,
        first: int = 0,  # the level of the first stage
        mixing: float = 0.9,  # share of the samples with two styles
        momentum: float = 0.995,  # of the mean style, each round
        **slots: Unpack[Slots],
    ) -> None:
        styled = hasattr(generator, "synthesis") and isinstance(generator, Grows) and isinstance(critic, Grows)
        require(styled, f"{type(self).__name__} plays with styles, at one size after another; give --networks "
                "\"Styled()\"")  # fmt: skip
        growth: Any = {"fade": fade, "first": first}  # which the game of styles hands on
        super().__init__(generator, critic, latent, mixing, None, momentum, **growth, **slots)

    @property
    def layers_in_use(self) -> int:
        return 2 * (self.level + 1)

    def synthesize(self, ws: Tensor, noise: bool = True) -> Tensor:
        synthesis: Callable[..., Tensor] = self.style.synthesis
        return synthesis(ws, noise, level=self.level, fade=self.fade)

    def phase(self, clock: Clock) -> Hashable:
        return None if self.fade < 1 else super().phase(clock)
