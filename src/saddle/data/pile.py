"""Pictures that nobody has read yet: what every kind of source becomes before it is decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import require
from .order import some
from .pixels import Pixels

Labels = NDArray[np.int64]
Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Pile:
    """Pictures by number, with a name and perhaps a label for each."""

    keys: Sequence[str]  # what a sentence calls each picture
    read: Callable[[int], Image.Image]  # to be used in a `with`; may raise anything: files are what they are
    labels: Labels | None = None
    classes: tuple[str, ...] = ()
    pixels: Pixels | None = None  # (n, height, width, channels), where they lie in one array already

    def __len__(self) -> int:
        return len(self.keys)

    def only(self, index: NDArray[np.int64]) -> Pile:
        """The pictures at these places."""
        return Pile(
            [self.keys[i] for i in index],
            lambda i: self.read(int(index[i])),
            None if self.labels is None else self.labels[index],
            self.classes,
            None if self.pixels is None else self.pixels[index],
        )

    def limited(self, limit: int | None) -> Pile:
        """At most so many pictures, always the same ones."""
        return self if limit is None or limit >= len(self) else self.only(some(len(self), limit))


@dataclass(frozen=True, eq=False)
class Source:
    """Where pictures come from: a stamp that is found without reading them, and how to open them when there is need."""

    name: str
    stamp: tuple[object, ...]  # changes whenever the content does: names, sizes, times; equal ones have equal `repr`s
    open: Callable[[Say], Pile]


def numbered(names: Iterable[str]) -> tuple[Labels, tuple[str, ...]]:
    """Names as numbers, and the classes they stand for: by number where all are numbers, else by the alphabet."""
    names = list(names)
    different = set(names)
    digits = all(name.isascii() and name.isdecimal() for name in different)
    classes = sorted(different, key=lambda name: (int(name) if digits else 0, name))
    number = {name: i for i, name in enumerate(classes)}
    return np.array([number[name] for name in names], dtype=np.int64), tuple(classes)


def of_array(pixels: Pixels, labels: NDArray[np.integer] | None = None, classes: tuple[str, ...] = ()) -> Pile:
    """A pile of an array's rows, (n, height, width, channels) uint8; raises Mistake where labels do not fit them."""
    numbers: Labels | None = None
    if labels is not None:
        require(len(labels) == len(pixels), f"there are {len(pixels):,} pictures but {len(labels):,} labels")
        if classes:
            numbers = labels.astype(np.int64)
            require(
                bool((numbers >= 0).all() and (numbers < len(classes)).all()),
                f"a label is not one of {len(classes)} classes",
            )
        else:
            numbers, classes = numbered(str(label) for label in labels.tolist())
    flat = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    keys = [f"picture {i}" for i in range(len(pixels))]
    return Pile(keys, lambda i: Image.fromarray(np.ascontiguousarray(flat[i])), numbers, classes, pixels)


def stamp(*paths: Path) -> tuple[tuple[str, int, int], ...]:
    """Files as (name, bytes, time of the last change): what tells that their content changed."""
    return tuple((path.name, (facts := path.stat()).st_size, facts.st_mtime_ns) for path in paths)
