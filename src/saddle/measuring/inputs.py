"""The two sides of a measurement: samples and what they are compared with, as batches of images in one shape."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..columns import to_float_images
from ..data import Prepare, open_data
from ..data.array_dataset import ArrayDataset
from ..data.dataset import Dataset, main_column, read_labels
from ..data.in_memory import GivenData, open_given, to_points
from ..data.lines import LineDataset
from ..data.order import random_words, sample_order
from ..data.readers.npy import map_npy
from ..data.sides import side_of
from ..data.undecoded import ColumnsCheck
from ..errors import Mistake, quote_for_shell, require
from ..image_size import ImageSize
from ..metrics.lazy_images import index_blocks
from ..notices import Notify
from ..out_of_memory import check_capacity
from ..runs.folder import RunFolder
from ..shape import Shape
from ..texts import from_one_hot
from ..training.signals import check_abandoned
from ..urls import as_url

MIN_FEATURE_VALUES = 64  # values of a sample, at the least


class SampleSet:
    """`count` samples of a data set in an order of chance that is always the same: the first few are a fair choice."""

    def __init__(self, data: Dataset, count: int | None = None) -> None:
        self.data = side_of(data, main_column(data.columns))
        self.n = min(count or len(self.data), len(self.data))
        self.index = sample_order(len(self.data), 0, 0, self.n)

    @property
    def labels(self) -> Tensor | None:
        """(n,), where the data have some."""
        known = read_labels(self.data, self.index)
        return None if known is None else torch.from_numpy(known)

    def images(self, rows: Tensor) -> Tensor:
        """Those of these numbers, (len(rows), c, h, w) float32: in [-1, 1], or points as they are."""
        check_abandoned()
        some, name = self.index[rows.numpy()], main_column(self.data.columns)
        return to_float_images(self.data.take(some, random_words(0, some), (name,))[name]).float().contiguous()

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


class GeneratedSamples(ArrayDataset):
    """What a run has made."""


class GeneratedLines(LineDataset):
    """Lines that a run has written, known by nothing: they are measured once."""

    fingerprint = ""


def check_memory(count: int, shape: Shape, option: str) -> None:
    """Refuse, before anything is made, more samples than memory holds with a few features of each."""
    values = shape.channels * shape.height * shape.width
    check_capacity(
        count, values * (4 if shape.points else 1) + 4 * MIN_FEATURE_VALUES, "samples with their features", option
    )


def generated_dataset(name: str, made: Iterable[Tensor], n: int, shape: Shape, classes: tuple[str, ...] = (),
                      labels: Tensor | None = None) -> GeneratedSamples | GeneratedLines:  # fmt: skip
    """`n` made samples as a data set, taken in some at a time: images as they would be saved, in bytes.

    Raises Mistake for NaN.
    """
    if shape.text is not None:
        tokens = torch.cat([from_one_hot(some) for some in finite_samples(name, made)])
        return GeneratedLines(name, tokens.numpy(), shape.text)
    rows = np.empty((n, shape.height, shape.width, shape.channels), np.float32 if shape.points else np.uint8)
    place = 0
    for some in finite_samples(name, made):
        values = some if shape.points else ((some + 1) * 127.5).round().clamp(0, 255).byte()
        rows[place : place + len(some)] = values.movedim(1, 3).numpy()
        place += len(some)
    known = None if labels is None else labels.numpy().astype(np.int64)
    return GeneratedSamples(name, rows, known, classes if known is not None else ())


def finite_samples(name: str, made: Iterable[Tensor]) -> Iterator[Tensor]:
    """The same; Mistake for NaN."""
    for some in made:
        finite = bool(some.isfinite().all())
        require(finite, f"a sample of {name} holds a value that is no number: it is NaN or infinite")
        yield some


class SampleInfo(NamedTuple):
    """What is known of a side before its samples are there."""

    name: str
    shape: Shape
    n: int
    of_run: bool = False  # are they a run's samples, whose shape is what it is?

    @staticmethod
    def of(data: Dataset, most: int | None = None) -> SampleInfo:
        n = len(side_of(data, main_column(data.columns)))
        return SampleInfo(data.name, data.shape, min(n, most or n), isinstance(data, GeneratedSamples | GeneratedLines))


def check_same_shape(made: SampleInfo, real: SampleInfo) -> None:
    """Raises Mistake where the two sides' samples have not one shape, with what makes them of one, if anything does."""
    ours, theirs = made.shape, real.shape
    if ours[:3] == theirs[:3]:
        return
    both = f"{made.name} has {describe_shape(ours)} and {real.name} {describe_shape(theirs)}"
    require(ours.points == theirs.points, f"{both}, and points cannot be compared with images")
    if made.of_run:
        raise Mistake(
            f"{both}, and a run's samples keep their shape: compare them with data of that shape, or bring both to one "
            f"as files, `saddle sample {quote_for_shell(made.name)} -n 10000 --out FOLDER` and then `saddle measure "
            f"FOLDER --against {quote_for_shell(real.name)} {options_to_match(theirs, ours)}`"
        )
    raise Mistake(f"{both}; {options_to_match(ours, theirs)} brings them to one shape")


def options_to_match(from_: Shape, to: Shape) -> str:
    """The options that bring sources of two shapes to the second."""
    sides = [f"--size {ImageSize(*to[1:3]).option}"] if from_[1:3] != to[1:3] else []
    return " ".join([*sides, f"--channels {to.channels}"] if from_.channels != to.channels else sides)


def describe_shape(shape: Shape) -> str:
    channels, height, width = shape[:3]
    return f"points of {channels} numbers" if shape.points else f"samples of {height} x {width} x {channels}"


Measurable = str | Path | GivenData


def is_run(given: Measurable) -> bool:
    if not isinstance(given, str | Path):
        return False
    return (RunFolder.find_begun(given) is not None) if as_url(given) else RunFolder(given).manifest.is_file()


def is_named_source(given: Measurable) -> bool:
    """Is it read from somewhere, so that it can be brought to another size?"""
    return isinstance(given, str | Path)


def open_measurable(given: Measurable, prepare: Prepare, say: Notify, name: str,
                    suits: ColumnsCheck = lambda columns, most: None) -> Dataset:  # fmt: skip
    """The samples that are meant; those in memory are called by this name. Raises Mistake for anything else.

    `suits` is asked what it thinks of the shape of pictures, before these are read.
    """
    if not isinstance(given, str | Path):
        return open_given(given, Prepare(), say, name)
    points = read_points_file(Path(given))
    if points is None:
        return open_data(str(given), prepare, say, suits=suits)
    plain = prepare == Prepare()
    require(plain, f"{given} has points, not pictures: size, crop and channels do not apply to it")
    return ArrayDataset(str(given), points)


def read_points_file(path: Path) -> NDArray[np.float32] | None:
    """The points of a .npy file; None for any other file, which the data's own readers know."""
    if path.suffix.lower() != ".npy" or not path.is_file():
        return None
    try:
        array = map_npy(path)
    except Mistake:
        return None
    return to_points(array, str(path))


def with_fingerprint(data: Dataset) -> Dataset:
    """With a fingerprint, by which a number is known to be against just these."""
    return data.with_fingerprint() if isinstance(data, ArrayDataset) else data


def prepare_like(prepare: Prepare, shape: Shape) -> Prepare:
    """So that a named source is brought to the size and the channels of samples that have theirs already."""
    if shape.points or shape.channels not in (1, 3, 4):
        return prepare
    channels: Any = shape.channels
    return replace(prepare, size=prepare.size or (shape.height, shape.width), channels=prepare.channels or channels)
