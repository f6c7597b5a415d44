"""Samples in memory or on disk, by number."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..batches import Images
from ..core import Shape
from ..errors import require
from .cache import cached
from .checksums import Checksums
from .named import TOYS
from .order import Words
from .pile import Labels, Say, Suits
from .prepare import Prepare
from .sources import find, meant

POINTS = 100_000  # that a toy distribution is represented by
MOST = 10_000_000  # and that it can be


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples with their labels; what is random about showing them comes from outside."""

    name: str
    samples: NDArray[Any]  # (n, height, width, channels) uint8, or points (n, 1, 1, 2) float32
    labels: Labels | None = None  # (n,)
    classes: tuple[str, ...] = ()
    fingerprint: str = ""  # of the content and of all options that change what is shown
    flip: bool = False
    window: int | None = None  # side of the windows that are drawn from larger samples
    checksums: Checksums | None = None  # by which a sample from the cache is known before it is first shown

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def shape(self) -> Shape:
        """Of what `take` gives."""
        _, height, width, channels = self.samples.shape
        return Shape(channels, self.window or height, self.window or width, len(self.classes))

    def take(self, index: NDArray[np.int64], chance: Words) -> Images:
        """These samples, (n, channels, height, width) as stored, channels last in memory; one random word for each.

        A word's lowest bit decides on mirroring, the next two times 21 on the place of the window. Raises Failure for
        a sample that is damaged in the cache.
        """
        if self.checksums is not None:
            self.checksums.check(self.samples, index)
        rows = self.samples.take(index, axis=0) if self.window is None else self.windows(index, chance, self.window)
        if self.flip:
            mirrored = (chance & np.uint64(1)).astype(bool)
            rows[mirrored] = rows[mirrored, :, ::-1]
        labels = None if self.labels is None else torch.from_numpy(self.labels[index])
        return Images(torch.from_numpy(rows).permute(0, 3, 1, 2), labels)

    def windows(self, index: NDArray[np.int64], chance: Words, side: int) -> NDArray[Any]:
        """A window of each sample, at a place that its random word decides."""
        _, height, width, channels = self.samples.shape
        top, left = drawn(chance >> np.uint64(1), height - side + 1), drawn(chance >> np.uint64(22), width - side + 1)
        rows = np.empty((len(index), side, side, channels), self.samples.dtype)
        for row, i, y, x in zip(rows, index, top, left, strict=True):
            row[...] = self.samples[i, y : y + side, x : x + side]
        return rows

    def verify(self) -> None:
        """Raises Failure where any sample is damaged in the cache: for whoever reads `samples` as they are."""
        if self.checksums is not None:
            self.checksums.check(self.samples, np.arange(len(self.samples)))


def drawn(words: Words, count: int) -> NDArray[np.int64]:
    """A number below `count` from the lowest 21 bits of each word."""
    return ((words & np.uint64((1 << 21) - 1)) * np.uint64(count) >> np.uint64(21)).astype(np.int64)


def open_data(source: str, prepare: Prepare, say: Say, *, cache: Path | None = None,
              suits: Suits = lambda shape, most: None) -> Dataset:  # fmt: skip
    """The samples that a source and its options mean; `say` gets a sentence on each thing that is left out or assumed.

    `suits` is asked, before pictures are read that are not in the cache, what it thinks of their shape and number.
    Raises Mistake for a source that is not there or cannot be used.
    """
    source = meant(source)
    if source in TOYS:
        suits(Shape(2, 1, 1), None)
        return points(source, prepare)
    found = find(source, prepare, say)
    if found.shape:
        suits(found.shape, None)
    entry = cached(found, prepare, say, cache, suits)
    window = prepare.size if prepare.crop == "random" else None
    facts = (entry.digest, entry.pixels.shape, entry.classes, prepare.flip, window)
    printed = fingerprint(repr(facts).encode())
    return Dataset(source, entry.pixels, entry.labels, entry.classes, printed, prepare.flip, window, entry.checksums)


def points(name: str, prepare: Prepare) -> Dataset:
    """Points of a toy distribution in the plane."""
    from .toys import toy

    plain = prepare == Prepare(limit=prepare.limit)
    require(plain, f"{name} has points, not pictures: size, crop, channels, flip and labels do not apply to it")
    count = prepare.limit or POINTS
    require(count <= MOST, f"limit is {count:,}, but {name} can be drawn {MOST:,} times at most")
    samples = toy(name, count, 0)
    return Dataset(name, samples, fingerprint=fingerprint(samples.tobytes()))


def fingerprint(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
