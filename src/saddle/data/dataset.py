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
from ..errors import require
from ..shape import Shape
from .cache.checksums import Checksums
from .cache.store import load_or_build_entry
from .dataset_table import TOY_SETS
from .order import RandomWords
from .prepare import Prepare
from .sources import find_source, resolve_source_name
from .undecoded import Labels, Notify, ShapeCheck

TOY_POINTS = 100_000  # that a toy distribution is represented by
MAX_TOY_POINTS = 10_000_000  # and that it can be


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

    def take(self, index: NDArray[np.int64], chance: RandomWords) -> Images:
        """These samples, (n, channels, height, width) as stored, channels last in memory; one random word for each.

        A word's lowest bit decides on mirroring, the next two times 21 on the place of the window. Raises Failure for
        a sample that is damaged in the cache.
        """
        if self.checksums is not None:
            self.checksums.check(self.samples, index)
        rows = (
            self.samples.take(index, axis=0) if self.window is None else self.random_windows(index, chance, self.window)
        )
        if self.flip:
            mirrored = (chance & np.uint64(1)).astype(bool)
            rows[mirrored] = rows[mirrored, :, ::-1]
        labels = None if self.labels is None else torch.from_numpy(self.labels[index])
        return Images(torch.from_numpy(rows).permute(0, 3, 1, 2), labels)

    def random_windows(self, index: NDArray[np.int64], chance: RandomWords, side: int) -> NDArray[Any]:
        """A window of each sample, at a place that its random word decides."""
        _, height, width, channels = self.samples.shape
        top, left = (
            random_below(chance >> np.uint64(1), height - side + 1),
            random_below(chance >> np.uint64(22), width - side + 1),
        )
        rows = np.empty((len(index), side, side, channels), self.samples.dtype)
        for row, i, y, x in zip(rows, index, top, left, strict=True):
            row[...] = self.samples[i, y : y + side, x : x + side]
        return rows

    def verify(self) -> None:
        """Raises Failure where any sample is damaged in the cache: for whoever reads `samples` as they are."""
        if self.checksums is not None:
            self.checksums.check(self.samples, np.arange(len(self.samples)))


def random_below(words: RandomWords, count: int) -> NDArray[np.int64]:
    """A number below `count` from the lowest 21 bits of each word."""
    return ((words & np.uint64((1 << 21) - 1)) * np.uint64(count) >> np.uint64(21)).astype(np.int64)


def open_data(source: str, prepare: Prepare, say: Notify, *, cache: Path | None = None,
              suits: ShapeCheck = lambda shape, most: None) -> Dataset:  # fmt: skip
    """The samples that a source and its options mean; `say` gets a sentence on each thing that is left out or assumed.

    `suits` is asked, before pictures are read that are not in the cache, what it thinks of their shape and number.
    Raises Mistake for a source that is not there or cannot be used.
    """
    source = resolve_source_name(source)
    if source in TOY_SETS:
        suits(Shape(2, 1, 1), None)
        return toy_dataset(source, prepare)
    found = find_source(source, prepare, say)
    if found.shape:
        suits(found.shape, None)
    entry = load_or_build_entry(found, prepare, say, cache, suits)
    window = prepare.size if prepare.crop == "random" else None
    facts = (entry.digest, entry.pixels.shape, entry.classes, prepare.flip, window)
    printed = compute_fingerprint(repr(facts).encode())
    return Dataset(source, entry.pixels, entry.labels, entry.classes, printed, prepare.flip, window, entry.checksums)


def toy_dataset(name: str, prepare: Prepare) -> Dataset:
    """Points of a toy distribution in the plane."""
    from .toys import sample_toy

    plain = prepare == Prepare(limit=prepare.limit)
    require(plain, f"{name} has points, not pictures: size, crop, channels, flip and labels do not apply to it")
    count = prepare.limit or TOY_POINTS
    require(count <= MAX_TOY_POINTS, f"limit is {count:,}, but {name} can be drawn {MAX_TOY_POINTS:,} times at most")
    samples = sample_toy(name, count, 0)
    return Dataset(name, samples, fingerprint=compute_fingerprint(samples.tobytes()))


def compute_fingerprint(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
