"""What a paper is made of: data of a shape, networks, priors, optimizers, stages, and the recipe that holds them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from .core import Clock, Game

B = TypeVar("B")


class Prior(Protocol):
    """A distribution of latents: (len(like), size)."""

    def __call__(self, like: Tensor, size: int) -> Tensor: ...


class Shape(NamedTuple):
    """What one sample looks like. A point of a 2-D toy is an image of one pixel with two channels."""

    channels: int
    height: int
    width: int
    classes: int = 0

    @property
    def points(self) -> bool:
        """Are samples points in space, unbounded, rather than pixels in [-1, 1]?"""
        return self.height == self.width == 1

    def __str__(self) -> str:
        channels = f"{self.channels} channel{'s' if self.channels > 1 else ''}"
        return "2-D points" if self.points else f"{self.height}x{self.width} pixels in {channels}"


class Networks(Protocol):
    """A matched pair: what makes samples, and what judges them."""

    @property
    def latent(self) -> int: ...
    def generator(self, data: Shape) -> nn.Module: ...
    def critic(self, data: Shape) -> nn.Module: ...


class Optimizing(Protocol):
    """An optimizer as a value, with its schedules."""

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer: ...
    def tune(self, optimizer: torch.optim.Optimizer, clock: Clock) -> None: ...  # before each round


class Paper(NamedTuple):
    authors: str
    year: int
    arxiv: str


@dataclass(frozen=True)
class Stage:
    """A stretch of a run with its own data size, batch and fresh optimizers."""

    until: int  # images
    data: Shape
    batch: int


class Recipe(Generic[B]):
    """A paper: its hyper-parameters as the fields of a frozen dataclass, its game and its stages as methods."""

    paper: ClassVar[Paper]
    batch: int  # images in one critic's move, over all processes

    def game(self, data: Shape) -> Game[B]:
        """New networks ready to play on such data; raises Mistake for data they cannot take."""
        raise NotImplementedError

    def steps(self, player: str) -> Optimizing:
        """How this player steps."""
        raise NotImplementedError

    def stages(self, data: Shape, images: int) -> tuple[Stage, ...]:
        """The run in stretches; one, for most papers."""
        return (Stage(images, data, self.batch),)
