"""What a paper is made of: networks, priors, optimizers, stages, and the recipe that holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn

from .averaging import Averaging, HalfLife
from .batches import Images
from .clock import Clock
from .core import Game
from .shape import Shape, Text

B = TypeVar("B")


class Prior(Protocol):
    """A distribution of latents: (len(like), size)."""

    def __call__(self, like: Tensor, size: int) -> Tensor: ...


class Networks(Protocol):
    """A matched pair: what makes samples, and what judges them."""

    @property
    def latent(self) -> int: ...
    def generator(self, data: Shape) -> nn.Module: ...
    def critic(self, data: Shape) -> nn.Module: ...


class EncoderNetworks(Protocol):
    """An encoder of samples into (n, numbers * latent), and the generator, or decoder, of samples from (n, latent)."""

    @property
    def latent(self) -> int: ...
    def encoder(self, data: Shape, numbers: int = 1) -> nn.Module: ...  # answered for each of a code's; 2: mean, spread
    def generator(self, data: Shape) -> nn.Module: ...


class TranslationNetworks(Protocol):
    """What makes pictures of the data's shape of the pictures that they are made for, and what judges them.

    The translator is called with pictures, and noise=False where there is to be none. Where `critic` is told of such
    data, its critic is shown both; told of a shape alone, it is shown samples alone.
    """

    def translator(self, data: Shape) -> nn.Module: ...
    def critic(self, data: Shape) -> nn.Module: ...


class PairNetworks(EncoderNetworks, Protocol):
    """An encoder and a generator as above, and a critic of samples, or of samples beside their codes."""

    def critic(self, data: Shape) -> nn.Module: ...


class TextReading(Protocol):
    """An encoder of texts as a value: what makes codes (n, size) of them, trained with the run, or before.

    Its reader is called with tokens (n, length); `read` takes texts as they are written, of which `unread_words` says
    nothing to it, and `see`, where it `learns`, gives codes of images that those of their texts should agree with.
    """

    @property
    def size(self) -> int: ...
    @property
    def learns(self) -> bool: ...  # is it trained, in the first stage of a run?
    def reader(self, data: Shape, texts: Text) -> nn.Module: ...


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
    steps: Callable[[str], Optimizing] | None = None  # how each player steps in it, by name; the recipe's own if None


class Recipe(Generic[B]):
    """A paper: its hyper-parameters as the fields of a frozen dataclass, its game and its stages as methods."""

    paper: ClassVar[Paper]
    batch_type: ClassVar[type[Any]] = Images  # B: the columns of the data that its game plays with
    batch: int  # images in one critic's move, over all processes
    average: Averaging | None = HalfLife()  # how the average that samples are taken from follows; the house's

    def game(self, data: Shape) -> Game[B]:
        """New networks ready to play on such data; raises Mistake for data they cannot take."""
        raise NotImplementedError

    def steps(self, player: str) -> Optimizing:
        """How this player steps."""
        raise NotImplementedError

    def stages(self, data: Shape, images: int) -> tuple[Stage, ...]:
        """The run in stretches; one, for most papers."""
        return (Stage(images, data, self.batch),)


@runtime_checkable
class OnCodes(Protocol):
    """A recipe whose game plays on the codes of an autoencoder that another run has trained.

    The game holds it, frozen, as `autoencoder`, with an `encoder` and a `decoder`.
    """

    @property
    def autoencoder(self) -> EncoderNetworks: ...
    @property
    def numbers(self) -> int: ...  # that its encoder answers for each of a code's
