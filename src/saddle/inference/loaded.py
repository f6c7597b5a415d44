"""A trained game in evaluation mode, and what can be asked of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor

from ..capabilities import (
    Encodes,
    Generates,
    Judges,
    Reconstructs,
    Scores,
    Translates,
    capabilities_of,
    check_style,
    generate,
)
from ..clock import Clock
from ..core import Game, Judge, Judged
from ..errors import Mistake, require
from ..out_of_memory import catch_out_of_memory, check_capacity
from ..parts import Shard, use_shard
from ..recipes.capable import ask, lacking
from ..shape import Shape
from ..training.engine import derive_seed
from ..training.rows import MAX_ROWS, rows_at_once
from ..training.signals import check_abandoned
from .chance import RowsDraw
from .labels import Label, label_indices, labels_by_class

T = TypeVar("T")


class LoadedGame:
    """A trained game: `sample`, `encode`, `reconstruct`, `translate`, `score` and `judge`, of which it can do some.

    `game` holds the networks themselves, as they were at `clock`. It is in evaluation mode and stays so, so that
    threads may share it; it makes no gradients. What it cannot do raises Mistake, with recipes that can. Images are
    (n, channels, height, width) float32 in [-1, 1], of the size that it was trained on, and so is what it makes. What
    it draws comes of the seed and each row's place. Further keywords are the game's own style, as truncation is.
    """

    def __init__(self, game: Game[Any], shape: Shape, classes: tuple[str, ...], device: torch.device,
                 counts: Sequence[int] = (), clock: Clock = Clock(), averaged: bool = False,
                 batch: int = MAX_ROWS) -> None:  # fmt: skip
        self.game, self.shape, self.classes, self.device = game, shape, classes, device
        self.clock, self.averaged = clock, averaged  # averaged: do the networks wear their averaged weights?
        self.shares = torch.tensor(counts or [1] * shape.classes, dtype=torch.float64)  # of each class in the data
        self.rows = rows_at_once(shape, device, batch)

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What can be asked of it: generate, encode, reconstruct, translate, judge, score."""
        return tuple(one.verb for one in capabilities_of(type(self.game)))

    def sample(self, n: int = 64, seed: int = 0, label: Label | Sequence[Label] | None = None,
               **style: Any) -> Tensor:  # fmt: skip
        """New samples, (n, channels, height, width) float32 in [-1, 1], equal for equal seeds.

        A sample is a function of the weights, the seed, its place, its label and the style alone, whatever n is, also
        where the generator draws noise of its own or keeps dropout; n samples cost n. How many are made at once may
        change the last bits: equal to the bit is what is made in equal calls.
        `label` is for generators that were trained on labels: one for all, or one for each. It is a class's name. A
        number, of Python, numpy or torch, is a name too where all classes are named by numbers, as digits are; among
        other names it is a place in `classes`, counted from 0. Without it labels are drawn, each as often as it is in
        the data; equally often for a run whose manifest does not say how often that is, as those of the first versions.
        """
        parts = self.sample_chunks(n, seed, label, **style)
        check_capacity(n, 4 * self.shape.channels * self.shape.height * self.shape.width, "samples", "n =")
        samples = torch.empty(n, *self.shape[:3])
        for place, some in zip(range(0, n, self.rows), parts, strict=True):
            samples[place:][: self.rows] = some
        return samples

    def sample_chunks(self, n: int, seed: int = 0, label: Label | Sequence[Label] | None = None,
                      **style: Any) -> Iterator[Tensor]:  # fmt: skip
        """The samples of `sample`, a few at a time as they are made: as many as fit into little memory."""
        if n < 1:
            raise Mistake(f"{n} samples were asked for; ask for at least one")
        check_style(self.generator, Generates, style)
        labels = self.label_indices(label, n)
        if labels is not None and not self.is_conditional:
            raise Mistake(f"a label was asked for ({label}), but this generator was not trained on labels")
        return (self.sample_chunk(seed, place, min(self.rows, n - place), None if labels is None else labels[place:],
                                  **style) for place in range(0, n, self.rows))  # fmt: skip

    @catch_out_of_memory()
    def sample_chunk(self, seed: int, place: int, n: int, labels: Tensor | None = None, **style: Any) -> Tensor:
        """The n samples from `place` on, labelled by the first of `labels`, all of one block of 64.

        Their latents are drawn with those of the whole block, whatever part of it is made, and threads share nothing.
        """
        check_abandoned()
        index, inside = divmod(place, MAX_ROWS)
        if labels is None:
            drawn = self.draw_labels(seed, index)
            labels = None if drawn is None else drawn[inside:]
        like, labels = torch.zeros(n, *self.shape[:3], device=self.device), None if labels is None else labels[:n]
        with self.own_chance(seed, place, n):
            made = generate(self.generator, like, None if labels is None else labels.to(self.device), **style)
        return made.float().cpu()

    @property
    def generator(self) -> Generates:
        """The game, if it makes samples."""
        if not isinstance(self.game, Generates):
            raise lacking(type(self.game), Generates)
        return self.game

    def encode(self, images: Tensor, label: Label | Sequence[Label] | None = None, seed: int = 0,
               **style: Any) -> Tensor:  # fmt: skip
        """A code for each image, (n, ...); of a game that generates, latents."""
        return self.for_images(ask(self.game, Encodes, style), self.checked(images, self.shape[:3]), label, seed)

    def reconstruct(self, images: Tensor, label: Label | Sequence[Label] | None = None, seed: int = 0,
                    **style: Any) -> Tensor:  # fmt: skip
        """Each image once more, as the game keeps it."""
        return self.for_images(ask(self.game, Reconstructs, style), self.checked(images, self.shape[:3]), label, seed)

    def translate(self, images: Tensor, label: Label | Sequence[Label] | None = None, seed: int = 0,
                  **style: Any) -> Tensor:  # fmt: skip
        """Each image as one of the other kind; these may be of another size than what it makes."""
        return self.for_images(ask(self.game, Translates, style), self.checked(images, None), label, seed)

    def score(self, images: Tensor, label: Label | Sequence[Label] | None = None, seed: int = 0,
              **style: Any) -> Tensor:  # fmt: skip
        """How real each image looks, (n,), higher is more real; one number for each pack where packs are judged."""
        return self.for_images(ask(self.game, Scores, style), self.checked(images, self.shape[:3]), label, seed)

    def judge(self, images: Tensor, label: Label | Sequence[Label] | None = None, seed: int = 0) -> Judged:
        """All that the critic says of each image, without views."""
        judge = ask(self.game, Judges, {})

        def judged(some: Tensor, labels: Tensor | None) -> Judged:
            opened: Judge = judge(labels, self.clock)
            return dataclasses.replace(opened, views=())(some)

        return join_judged(self.chunks(judged, self.checked(images, self.shape[:3]), label, seed))

    def for_images(self, work: Callable[[Tensor, Tensor | None], Tensor], images: Tensor,
                   label: Label | Sequence[Label] | None, seed: int) -> Tensor:  # fmt: skip
        """What becomes of images and their labels, a few at a time."""
        return torch.cat([some.float().cpu() for some in self.chunks(work, images, label, seed)])

    @catch_out_of_memory()
    def chunks(self, work: Callable[[Tensor, Tensor | None], T], images: Tensor,
               label: Label | Sequence[Label] | None, seed: int) -> list[T]:  # fmt: skip
        labels, found = self.label_indices(label, len(images)), []
        for place in range(0, len(images), self.rows):
            check_abandoned()
            some = images[place : place + self.rows].to(self.device, torch.float32)
            with self.own_chance(seed, place, len(some)):
                found.append(work(some, None if labels is None else labels[place:][: len(some)].to(self.device)))
        return found

    def checked(self, images: Tensor, shape: Sequence[int] | None) -> Tensor:
        """Images such as it was trained on, of this shape if one is known."""
        own = images.ndim == 4 and len(images) > 0 and images.shape[1:] == (shape or images.shape[1:])
        need = ", ".join(map(str, shape)) if shape else "channels, height, width"
        require(own and images.is_floating_point(), f"images are (n, {need}) floats in [-1, 1], as this game was "
                f"trained on, not {tuple(images.shape)} of {str(images.dtype).removeprefix('torch.')}")  # fmt: skip
        return images

    @contextmanager
    def own_chance(self, seed: int, place: int, n: int) -> Iterator[None]:
        """No gradients in here; the n rows from `place` on, all of one block of 64, draw from the seed and places."""
        index, inside = divmod(place, MAX_ROWS)
        dice = torch.Generator(self.device).manual_seed(derive_seed(seed, index))
        own = RowsDraw(self.device, seed, place, n)
        with torch.no_grad(), use_shard(Shard(rng=dice, first=inside, of=MAX_ROWS)), own:
            yield

    def draw_labels(self, seed: int, index: int) -> Tensor | None:
        """The labels of a block that nobody has chosen, by chance of their own; None where the data had none."""
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

    def label_indices(self, label: Label | Sequence[Label] | None, n: int) -> Tensor | None:
        """The places of labels in `classes`, (n,) int64, if any are given."""
        return None if label is None else label_indices(label, n, self.classes, self.shape.classes)

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
