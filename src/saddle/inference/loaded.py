"""A trained game in evaluation mode, and what can be asked of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from ..batches import Images
from ..capabilities import (
    Encodes,
    Generates,
    Judges,
    Reconstructs,
    Scores,
    StyleOption,
    Translates,
    capabilities_of,
    check_style,
    generate,
    style_options,
)
from ..clock import Clock
from ..columns import row_shape
from ..core import Game, Judge, Judged
from ..errors import Mistake, require
from ..out_of_memory import DEFAULT_ADVICE, OutOfMemory, catch_out_of_memory, check_capacity
from ..recipes.capable import ask, lacking
from ..shape import Classes, Picture, Shape, Text
from ..texts import from_one_hot, to_lines
from ..training.engine import derive_seed
from ..training.rows import MAX_ROWS, rows_at_once
from ..training.signals import check_abandoned
from .chance import own_chance
from .image_checks import check_image_batch
from .labels import Label, check_takes_labels, label_indices, labels_by_class
from .texts import draw_captions, text_codes

if TYPE_CHECKING:
    from .networks import Network

T = TypeVar("T")
PROCESSOR_ADVICE = "--device cpu takes the machine's memory, or end other programs"
MAX_PIXEL = 4.0  # in [-1, 1], and noise upon it


class LoadedGame:
    """A trained game: `sample`, `encode`, `reconstruct`, `translate`, `score` and `judge`, of which it can do some.

    `game` holds the networks themselves, as they were at `clock`. It is in evaluation mode and stays so, so that
    threads may share it; it makes no gradients. What it cannot do raises Mistake, with recipes that can. Images are
    (n, channels, height, width) float32 in [-1, 1], of the size that it was trained on, and so is what it makes. What
    it draws comes of the seed and each row's place. Further keywords are the game's own style, as truncation is.
    """

    def __init__(self, game: Game[Any], shape: Shape, classes: tuple[str, ...], device: torch.device,
                 counts: Sequence[int] = (), clock: Clock = Clock(), weights: str = "last",
                 batch: int = MAX_ROWS, batch_type: type[Any] = Images) -> None:  # fmt: skip
        self.game, self.shape, self.classes, self.device = game, shape, classes, device
        self.clock, self.weights = clock, weights  # those of the last round, averaged ones, or a set's name: std-0.1
        self.standing = 0  # samples of which `load` took the averages of batch normalisation anew
        self.shares = torch.tensor(counts or [1] * shape.classes, dtype=torch.float64)  # of each class in the data
        self.rows, self.batch, self.batch_type = rows_at_once(shape, device, batch), batch, batch_type
        self.fitting = self.rows  # of these rows, as many as memory was large enough for so far

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What can be asked of it: generate, encode, reconstruct, translate, judge, score."""
        return tuple(one.verb for one in capabilities_of(type(self.game)))

    @property
    def style(self) -> dict[str, StyleOption]:
        """The keywords that `sample` takes beyond its own, by name, with their defaults and types."""
        return style_options(type(self.maker), Generates)

    def sample(self, n: int = 64, seed: int = 0, label: Label | Sequence[Label] | None = None,
               condition: Tensor | None = None, text: str | Sequence[str] | None = None,
               **style: Any) -> Tensor:  # fmt: skip
        """New samples, (n, channels, height, width) float32 in [-1, 1], equal for equal seeds.

        A sample is a function of the weights, the seed, its place, its label and the style alone, whatever n is, also
        where the generator draws noise of its own or keeps dropout; n samples cost n. How many are made at once may
        change the last bits: equal to the bit is what is made in equal calls.
        `label` is for generators that were trained on labels: one for all, or one for each. It is a class's name. A
        number, of Python, numpy or torch, is a name too where all classes are named by numbers, as digits are; among
        other names it is a place in `classes`, counted from 0. Without it labels are drawn, each as often as it is in
        the data; equally often for a run whose manifest does not say how often that is, as those of the first versions.
        `text` is for games that were trained on captions: one for all samples, or one for each; without it training
        captions are drawn.
        `condition`, (n, ...), is what samples are made for that are made for no classes, such as pictures.
        """
        parts = self.sample_chunks(n, seed, label, condition, text, **style)
        check_capacity(n, 4 * self.shape.channels * self.shape.height * self.shape.width, "samples", "n =")
        samples = torch.empty(n, *self.shape[:3])
        for place, some in zip(range(0, n, self.rows), parts, strict=True):
            samples[place:][: self.rows] = some
        return samples

    def lines(self, n: int = 64, seed: int = 0, **style: Any) -> list[str]:
        """New lines of text: the samples of `sample`, each the one-hot tokens (vocabulary, 1, length) of a line, read.

        Tokens that have no names, as those of the data set oracle, are written as numbers.
        """
        text = self.shape.text
        if text is None:
            raise Mistake(f"this run makes {self.shape}, not lines of text; the recipes seqgan and "
                          "gumbel-gan write such")  # fmt: skip
        return [line for some in self.sample_chunks(n, seed, **style) for line in to_lines(from_one_hot(some), text)]

    def sample_chunks(self, n: int, seed: int = 0, label: Label | Sequence[Label] | None = None,
                      condition: Tensor | None = None, text: str | Sequence[str] | None = None,
                      **style: Any) -> Iterator[Tensor]:  # fmt: skip
        """The samples of `sample`, a few at a time as they are made: as many as fit into little memory."""
        if n < 1:
            raise Mistake(f"{n} samples were asked for; ask for at least one")
        check_style(self.maker, Generates, style)
        if text is not None:
            require(label is None and condition is None, "a text and a label or condition were given; give one")
            texts = [text] * n if isinstance(text, str) else list(text)
            require(len(texts) == n, f"{len(texts)} texts were given for {n} samples; give one, or one for each")
            condition = text_codes(self.game, texts, self.shape.condition)
        elif condition is None and not self.makes_by_chance:
            raise Mistake(f"this run makes its samples for {self.shape.condition}; give these as "
                          "condition, one for each")  # fmt: skip
        told = condition if text is not None else self.conditions(label, condition, n)
        if label is not None:
            check_takes_labels(label, self.is_conditional)
        return (self.sample_chunk(seed, place, min(self.rows, n - place), None if told is None else told[place:],
                                  **style) for place in range(0, n, self.rows))  # fmt: skip

    def sample_chunk(self, seed: int, place: int, n: int, told: Tensor | None = None, **style: Any) -> Tensor:
        """The n samples from `place` on, for the first of the conditions `told`, all of one block of 64.

        Their latents are drawn with those of the whole block, whatever part of it is made, and threads share nothing.
        In halves where memory is too small for all at once; OutOfMemory where it is for one.
        """
        check_abandoned()
        if n <= self.fitting:
            try:
                with catch_out_of_memory(DEFAULT_ADVICE if self.device.type == "cpu" else PROCESSOR_ADVICE):
                    return self.make_rows(seed, place, n, told, **style)
            except OutOfMemory:
                if n == 1:
                    raise
                self.fitting = n // 2
        half = n // 2
        rest = None if told is None else told[half:]
        return torch.cat([self.sample_chunk(seed, place, half, told, **style),
                          self.sample_chunk(seed, place + half, n - half, rest, **style)])  # fmt: skip

    def make_rows(self, seed: int, place: int, n: int, told: Tensor | None = None, **style: Any) -> Tensor:
        """The same in one pass."""
        index, inside = divmod(place, MAX_ROWS)
        if told is None:
            drawn = self.draw_labels(seed, index)
            told = None if drawn is None else drawn[inside:]
        like, told = torch.zeros(n, *self.shape[:3], device=self.device), None if told is None else told[:n]
        with own_chance(self.device, seed, place, n):
            made = generate(self.maker, like, None if told is None else told.to(self.device), **style)
        return made.float().cpu()

    @cached_property
    def generator(self) -> Network:
        """What makes samples, as a module: `generator(latents, labels)`, or of images the images it translates them to.

        Of an autoencoder that draws no samples it makes images of codes. It is in evaluation mode, without gradients,
        and a copy, so that what becomes of it leaves all else as it is.
        """
        from .networks import take_network

        return take_network(self, "generator")

    @cached_property
    def encoder(self) -> Network:
        """What makes codes of images (n, channels, height, width), as a module like `generator`."""
        from .networks import take_network

        return take_network(self, "encoder")

    @property
    def maker(self) -> Generates:
        """The game, if it makes samples."""
        if not isinstance(self.game, Generates):
            raise lacking(type(self.game), Generates)
        return self.game

    def encode(self, images: Tensor, label: Label | Sequence[Label] | None = None, seed: int = 0,
               condition: Tensor | None = None, **style: Any) -> Tensor:  # fmt: skip
        """A code for each image, (n, ...); of a game that generates, latents."""
        return self.answer(Encodes, images, self.conditions(label, condition, len(images)), seed, style)

    def reconstruct(self, images: Tensor, label: Label | Sequence[Label] | None = None, seed: int = 0,
                    condition: Tensor | None = None, **style: Any) -> Tensor:  # fmt: skip
        """Each image once more, as the game keeps it."""
        return self.answer(Reconstructs, images, self.conditions(label, condition, len(images)), seed, style)

    def translate(self, images: Tensor, label: Label | Sequence[Label] | None = None, seed: int = 0,
                  condition: Tensor | None = None, **style: Any) -> Tensor:  # fmt: skip
        """Each image as one of the other kind; these may be of another size than what it makes."""
        return self.answer(Translates, images, self.conditions(label, condition, len(images)), seed, style)

    def score(self, images: Tensor, label: Label | Sequence[Label] | None = None, seed: int = 0,
              condition: Tensor | None = None, **style: Any) -> Tensor:  # fmt: skip
        """How real each image looks, (n,), higher is more real; one number for each pack where packs are judged."""
        return self.answer(Scores, images, self.conditions(label, condition, len(images)), seed, style)

    def judge(self, images: Tensor, label: Label | Sequence[Label] | None = None, seed: int = 0,
              condition: Tensor | None = None) -> Judged:  # fmt: skip
        """All that the critic says of each image, without views."""
        judge = ask(self.game, Judges, {})

        def judged(some: Tensor, told: Tensor | None) -> Judged:
            opened: Judge = judge(told, self.clock)
            return dataclasses.replace(opened, views=())(some)

        told = self.conditions(label, condition, len(images))
        return join_judged(self.chunks(judged, images, told, seed, self.shape[:3]))

    def answer(self, protocol: type, images: Tensor, told: Tensor | None, seed: int,
               style: Mapping[str, object], place: int = 0) -> Tensor:  # fmt: skip
        """What the game's method for it gives for images and their conditions.

        Images that are asked about some at a time, `rows` of them, stand from a `place` on: each draws for itself.
        """
        shape = self.image_shape(protocol, style)
        parts = self.chunks(ask(self.game, protocol, style), images, told, seed, shape, place)
        return torch.cat([some.float().cpu() for some in parts])

    def image_shape(self, protocol: type, style: Mapping[str, object]) -> tuple[int, ...] | None:
        """Of images that are asked about: translated are those that samples are made for; a style may say others."""
        if protocol is not Translates:
            return self.shape[:3]
        before = self.shape.condition
        own = row_shape(before) if isinstance(before, Picture) else self.shape[:3]
        return None if style else own

    @catch_out_of_memory()
    def chunks(self, work: Callable[[Tensor, Tensor | None], T], images: Tensor, told: Tensor | None, seed: int,
               shape: tuple[int, ...] | None, first: int = 0) -> list[T]:  # fmt: skip
        """What becomes of images, a few at a time; Mistake for others than of this shape, if one is known."""
        check_image_batch(images, shape)
        low, high = (float(end) for end in images.aminmax())
        require(self.shape.points or high <= MAX_PIXEL, f"images are floats in [-1, 1], not from {low:.3g} to "
                f"{high:.3g}; of bytes, images / 127.5 - 1 makes such")  # fmt: skip
        found = []
        for place in range(0, len(images), self.rows):
            check_abandoned()
            some = images[place : place + self.rows].to(self.device, torch.float32)
            with own_chance(self.device, seed, first + place, len(some)):
                found.append(work(some, None if told is None else told[place:][: len(some)].to(self.device)))
        return found

    @property
    def makes_by_chance(self) -> bool:
        """Can samples be made without data: are they made for nothing, or for classes, which can be drawn?"""
        made_for = self.shape.condition
        drawn = isinstance(made_for, Classes | None) or (isinstance(made_for, Text) and bool(made_for.captions))
        return isinstance(self.game, Generates) and drawn

    def draw_labels(self, seed: int, index: int) -> Tensor | None:
        """The labels or captions of a block that nobody has chosen, by chance of their own; None if there are none."""
        if isinstance(self.shape.condition, Text):
            own = torch.Generator().manual_seed(derive_seed(seed, index, 0))
            return draw_captions(self.shape.condition, MAX_ROWS, own)
        if not self.shape.classes:
            return None
        dice = torch.Generator().manual_seed(derive_seed(seed, index, 0))
        return torch.multinomial(self.shares, MAX_ROWS, replacement=True, generator=dice)

    @cached_property
    def is_conditional(self) -> bool:
        """Does the generator make something else of another label?"""
        few = range(min(self.shape.classes, 2))
        made = [self.sample_chunk(0, 0, self.rows, torch.full((self.rows,), label)) for label in few]
        return len(made) == 1 or (len(made) == 2 and not torch.equal(*made))

    def conditions(self, label: Label | Sequence[Label] | None, condition: Tensor | None, n: int) -> Tensor | None:
        """What the game is told of n samples: the places of labels in `classes`, (n,) int64, or what was given."""
        require(label is None or condition is None, "a label and a condition were given; give one of them")
        if condition is not None:
            require(len(condition) == n, f"{len(condition)} conditions were given for {n} samples; give one for each")
            rows = row_shape(self.shape.condition) if self.shape.condition else condition.shape[1:]
            require(condition.shape[1:] == rows, f"each condition is {tuple(condition.shape[1:])}, but this game makes "
                    f"samples for {self.shape.condition}, {rows} each")  # fmt: skip
        return condition if label is None else label_indices(label, n, self.classes, self.shape.classes)

    def labels_in_order(self) -> list[str]:
        """A label for each place of a contact sheet, class after class."""
        form = self.shape.width / self.shape.height
        return [self.classes[place] for place in labels_by_class(self.shape.classes, form)]


def join_judged(parts: Sequence[Judged]) -> Judged:
    """Verdicts on parts of a batch as one on the whole, on the processor."""

    def joined(tensors: Sequence[Tensor | None]) -> Tensor | None:
        some = [t.cpu() for t in tensors if t is not None]
        return torch.cat(some) if some else None

    more = {name: torch.cat([part.more[name].cpu() for part in parts]) for name in parts[0].more}
    sample, score, features, logits = (joined(tensors) for tensors in zip(*(part[:4] for part in parts), strict=True))
    assert sample is not None and score is not None and features is not None
    return Judged(sample, score, features, logits, more)
