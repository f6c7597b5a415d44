"""Pictures that nobody has read yet: what every kind of source becomes before it is decoded."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import Mistake, did_you_mean, require
from ..notices import Notify
from ..shape import Columns, Shape
from .decoding.levels import BYTE_LEVELS, Levels
from .decoding.pixels import PixelArray
from .order import random_subset
from .row_groups import RowGroups

Labels = NDArray[np.int64]
ColumnsCheck = Callable[
    [Columns, int | None], object
]  # raises Mistake for columns, or so few samples at most, that are no use


@dataclass(frozen=True, eq=False)
class ArrayImages:
    """An array's pictures as bytes, made of its numbers as they are read: a mapped file stays on the disk."""

    numbers: NDArray[Any]  # (n, height, width, channels)
    levels: Levels = BYTE_LEVELS
    index: NDArray[np.int64] | None = None  # which of them, if not all

    @property
    def shape(self) -> tuple[int, ...]:
        count = len(self.numbers) if self.index is None else len(self.index)
        return (count, *self.numbers.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | range | Sequence[int]) -> PixelArray:
        rows = slice(rows.start, rows.stop, rows.step) if isinstance(rows, range) else rows
        some = self.numbers[rows] if self.index is None else self.numbers[self.index[rows]]
        plain = some.dtype == np.uint8 and self.levels == BYTE_LEVELS
        return np.ascontiguousarray(some) if plain else np.ascontiguousarray(self.levels.to_uint8(some))

    def subset(self, index: NDArray[np.int64]) -> ArrayImages:
        return ArrayImages(self.numbers, self.levels, index if self.index is None else self.index[index])

    def image(self, place: int) -> Image.Image:
        pixels = self[place : place + 1][0]
        return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


@dataclass(frozen=True, eq=False)
class UndecodedImages:
    """Pictures by number, with a name and perhaps a label for each."""

    keys: Sequence[str]  # what a sentence calls each picture
    read: Callable[[int], Image.Image]  # to be used in a `with`; may raise anything: files are what they are
    labels: Labels | None = None
    classes: tuple[str, ...] = ()
    pixels: ArrayImages | None = None  # where they lie in one array already
    groups: RowGroups | None = None  # where many are read together

    def __len__(self) -> int:
        return len(self.keys)

    def subset(self, index: NDArray[np.int64]) -> UndecodedImages:
        """The pictures at these places."""
        return UndecodedImages(
            [self.keys[i] for i in index],
            lambda i: self.read(int(index[i])),
            None if self.labels is None else self.labels[index],
            self.classes,
            None if self.pixels is None else self.pixels.subset(index),
            None if self.groups is None else self.groups.subset(index),
        )

    def chosen(self, limit: int | None, left_out: Sequence[str] = ()) -> UndecodedImages:
        """Those of other classes than are left out, and of them at most so many, always the same ones."""
        return (self.without(left_out) if left_out else self).limited(limit)

    def without(self, classes: Sequence[str]) -> UndecodedImages:
        """The pictures of all other classes, with labels among these; raises Mistake where there are none such."""
        named = ", ".join(classes)
        if self.labels is None:
            raise Mistake(f"the data have no classes, of which {named} could be left out; put the images of each class "
                          "into a folder of its own, or name a table with --labels")  # fmt: skip
        for one in classes:
            require(one in self.classes, f"the data have no class {one} to leave out{did_you_mean(one, self.classes)}")
        kept = [i for i, name in enumerate(self.classes) if name not in classes]
        rows = np.flatnonzero(np.isin(self.labels, kept))
        require(len(rows) > 0, f"nothing is left of the data when {named} is left out")
        some = self.subset(rows)
        numbers = np.searchsorted(kept, self.labels[rows]).astype(np.int64)
        return replace(some, labels=numbers, classes=tuple(self.classes[i] for i in kept))

    def limited(self, limit: int | None) -> UndecodedImages:
        """At most so many pictures, always the same ones."""
        return self if limit is None or limit >= len(self) else self.subset(random_subset(len(self), limit))


class Captions(NamedTuple):
    """What is said of each picture of a source, and where that stands."""

    texts: Sequence[tuple[str, ...]]  # of each picture all its captions, which may be none
    where: str


FindCaptions = Callable[[str, Sequence[str], Notify], Captions]  # for what --captions says, and pictures by name


@dataclass(frozen=True, eq=False)
class DataSource:
    """Where pictures come from: a stamp that is found without reading them, and how to open them when there is need."""

    name: str
    cache_key: tuple[
        object, ...
    ]  # changes whenever the content may: place, inode, size, times; equal ones, equal `repr`s
    open: Callable[[Notify], UndecodedImages]
    shape: Shape | None = None  # of its samples, where that is known before any is made
    captions: FindCaptions | None = None  # how those of its pictures are found, where there can be any
    keys: Sequence[str] | None = None  # what its pictures are called, where that is known before any is made


def to_class_labels(names: Iterable[str]) -> tuple[Labels, tuple[str, ...]]:
    """Names as numbers, and the classes they stand for: by number where all are numbers, else by the alphabet."""
    names = list(names)
    different = set(names)
    digits = all(name.isascii() and name.isdecimal() for name in different)
    classes = sorted(different, key=lambda name: (int(name) if digits else 0, name))
    number = {name: i for i, name in enumerate(classes)}
    return np.array([number[name] for name in names], dtype=np.int64), tuple(classes)


def undecoded_from_array(
    pixels: ArrayImages | PixelArray, labels: NDArray[np.integer] | None = None, classes: tuple[str, ...] = ()
) -> UndecodedImages:
    """A pile of an array's rows, (n, height, width, channels); raises Mistake where labels do not fit them."""
    rows = pixels if isinstance(pixels, ArrayImages) else ArrayImages(pixels)
    numbers: Labels | None = None
    if labels is not None:
        require(len(labels) == len(rows), f"there are {len(rows):,} pictures but {len(labels):,} labels")
        if classes:
            numbers = labels.astype(np.int64)
            require(
                bool((numbers >= 0).all() and (numbers < len(classes)).all()),
                f"a label is not one of {len(classes)} classes",
            )
        else:
            numbers, classes = to_class_labels(str(label) for label in labels.tolist())
    return UndecodedImages([f"picture {i}" for i in range(len(rows))], rows.image, numbers, classes, rows)


def file_identity(path: Path) -> tuple[int, ...]:
    """What tells that a file is another one, or has changed: bytes, times of both kinds, and its number on the disk.

    Copies keep sizes and times, as tar and unzip do; the time of the last change of the inode nobody can set.
    """
    return stat_identity(path.stat())


def stat_identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def files_cache_key(*paths: Path) -> tuple[object, ...]:
    """Files by where they lie and what tells that their content changed."""
    return tuple((str(path.resolve()), *file_identity(path)) for path in paths)


def content_cache_key(*paths: Path) -> tuple[object, ...]:
    """Files by their content, wherever they lie: those of a program, which is installed in many places."""
    return tuple((path.name, hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()) for path in paths)
