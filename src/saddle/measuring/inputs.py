"""The two sides of a measurement: samples and what they are compared with, as batches of images in one shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..data.dataset import Dataset
from ..data.feed import to_float_images
from ..data.order import random_words, sample_order
from ..errors import Mistake, quote_for_shell, require
from ..metrics.lazy_images import MAX_IMAGES_AT_ONCE, index_blocks
from ..out_of_memory import check_capacity
from ..shape import Shape
from ..training.signals import check_abandoned

MIN_FEATURE_VALUES = 64  # values of a sample, at the least


class SampleSet:
    """`count` samples of a data set in an order of chance that is always the same: the first few are a fair choice."""

    def __init__(self, data: Dataset, count: int | None = None) -> None:
        self.data, self.n = data, min(count or len(data), len(data))
        self.index = sample_order(len(data), 0, 0, self.n)

    @property
    def labels(self) -> Tensor | None:
        """(n,), where the data have some."""
        if self.data.labels is None:
            return None
        some = np.array_split(self.index, -(-self.n // MAX_IMAGES_AT_ONCE))
        known = (self.data.take(rows, random_words(0, rows)).condition for rows in some)
        return torch.cat([labels for labels in known if labels is not None])

    def images(self, rows: Tensor) -> Tensor:
        """Those of these numbers, (len(rows), c, h, w) float32: in [-1, 1], or points as they are."""
        check_abandoned()
        some = self.index[rows.numpy()]
        return to_float_images(self.data.take(some, random_words(0, some)).image).float().contiguous()

    def batches(self) -> Iterator[Tensor]:
        return (self.images(rows) for rows in index_blocks(SampleImages(self, torch.arange(self.n))))


@dataclass(frozen=True)
class SampleImages:
    """Samples of a side, read as they are asked for."""

    sample_set: SampleSet
    rows: Tensor

    @property
    def shape(self) -> Sequence[int]:
        return len(self.rows), *self.sample_set.data.shape[:3]

    def __getitem__(self, rows: Tensor) -> Tensor:
        return self.sample_set.images(self.rows[rows])


class GeneratedSamples(Dataset):
    """What a run has made."""


def check_memory(count: int, shape: Shape, option: str) -> None:
    """Refuse, before anything is made, more samples than memory holds with a few features of each."""
    values = shape.channels * shape.height * shape.width
    check_capacity(
        count, values * (4 if shape.points else 1) + 4 * MIN_FEATURE_VALUES, "samples with their features", option
    )


def generated_dataset(name: str, made: Iterable[Tensor], n: int, shape: Shape, classes: tuple[str, ...] = (),
                      labels: Tensor | None = None) -> GeneratedSamples:  # fmt: skip
    """`n` made samples as a data set, taken in some at a time: images as they would be saved, in bytes.

    Raises Mistake for NaN.
    """
    rows = np.empty((n, shape.height, shape.width, shape.channels), np.float32 if shape.points else np.uint8)
    place = 0
    for some in made:
        finite = bool(some.isfinite().all())
        require(finite, f"a sample of {name} holds a value that is no number: it is NaN or infinite")
        values = some if shape.points else ((some + 1) * 127.5).round().clamp(0, 255).byte()
        rows[place : place + len(some)] = values.movedim(1, 3).numpy()
        place += len(some)
    known = None if labels is None else labels.numpy().astype(np.int64)
    return GeneratedSamples(name, rows, known, classes if known is not None else ())


class SampleInfo(NamedTuple):
    """What is known of a side before its samples are there."""

    name: str
    shape: Shape
    n: int
    of_run: bool = False  # are they a run's samples, whose shape is what it is?

    @staticmethod
    def of(data: Dataset, most: int | None = None) -> SampleInfo:
        return SampleInfo(data.name, data.shape, min(len(data), most or len(data)), isinstance(data, GeneratedSamples))


def check_same_shape(made: SampleInfo, real: SampleInfo) -> None:
    """Raises Mistake where the two sides' samples have not one shape, with what makes them of one, if anything does."""
    ours, theirs = made.shape, real.shape
    if ours[:3] == theirs[:3]:
        return
    both = f"{made.name} has {describe_shape(ours)} and {real.name} {describe_shape(theirs)}"
    require(ours.points == theirs.points, f"{both}, and points cannot be compared with images")
    if made.of_run:
        raise Mistake(
            f"{both}, and a run's samples keep their shape: compare them with data of that shape, or bring both to "
            f"one as files, `saddle sample {quote_for_shell(made.name)} -n 10000 --out FOLDER` and then `saddle "
            f"measure FOLDER "
            f"--against {quote_for_shell(real.name)} {options_to_match(theirs, ours)}`"
        )
    raise Mistake(f"{both}; {options_to_match(ours, theirs)} brings them to one shape")


def options_to_match(from_: Shape, to: Shape) -> str:
    """The options that bring sources of two shapes to one, the second where it is a square's."""
    sides = [f"--size {min(to.height, to.width)}"] if from_[1:3] != to[1:3] else []
    return " ".join([*sides, f"--channels {to.channels}"] if from_.channels != to.channels else sides)


def describe_shape(shape: Shape) -> str:
    channels, height, width = shape[:3]
    return f"points of {channels} numbers" if shape.points else f"samples of {height} x {width} x {channels}"
