"""Samples that lie in arrays, in memory or on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import require
from ..image_size import ImageSize, written_size
from ..shape import Classes, Column, Picture, Shape
from .cache.checksums import Checksums
from .dataset import LABEL, Reading, main_shape
from .decoding.stored_bands import StoredBands
from .order import RandomWords
from .row_groups import RowGroups
from .undecoded import Labels


class StoredColumn(NamedTuple):
    """One more thing that each sample has."""

    rows: NDArray[Any]  # (n, height, width, channels) of pictures, (n,) labels, (n, length) tokens
    holds: Column


@dataclass(frozen=True, eq=False)
class ArrayDataset:
    """Samples with their labels, and whatever further columns; what is random about showing them comes from outside."""

    name: str
    samples: NDArray[Any]  # (n, height, width, channels) uint8, or points (n, 1, 1, 2) float32
    labels: Labels | None = None  # (n,)
    classes: tuple[str, ...] = ()
    fingerprint: str = ""  # of the content and of all options that change what is shown
    flip: bool = False
    window: ImageSize | None = None  # of the windows that are drawn from larger samples
    checksums: Checksums | None = None  # by which a sample from the cache is known before it is first shown
    column: str = "image"  # what the samples are called
    more: Mapping[str, StoredColumn] = field(default_factory=dict)  # by name; pictures of one sample turn together
    bands: StoredBands = field(default_factory=lambda: StoredBands())  # what was decided of the pictures' numbers
    groups: RowGroups | None = None  # which are read together from where they come from

    def __post_init__(self) -> None:
        if self.labels is not None:
            require(bool(self.classes), f"{self.name} has labels, but no classes: name them, as in classes=('cat', "
                                        "'dog')")  # fmt: skip
            require(len(self.labels) == len(self.samples), f"{self.name} has {len(self.samples):,} samples, but "
                                                           f"{len(self.labels):,} labels")  # fmt: skip
        for name, stored in self.more.items():
            require(len(stored.rows) == len(self.samples), f"{self.name} has {len(self.samples):,} samples, but its "
                    f"column {name} has {len(stored.rows):,} rows")  # fmt: skip
            fits = self.window is None or stored.rows.ndim < 4 or stored.rows.shape[1:3] == self.samples.shape[1:3]
            require(fits, f"random windows are cut from all pictures alike, but the pictures of {self.name} in {name} "
                    "are of another size")  # fmt: skip

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def reading(self) -> Reading:
        """From the cache's disk, or there in memory."""
        return "memory" if self.checksums is None else "cache"

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        """What `take` gives, by name."""
        _, height, width, channels = self.samples.shape
        own = Shape(channels, *(self.window or ImageSize(height, width)))
        label: dict[str, Column] = {LABEL: Classes(len(self.classes), self.classes)} if self.classes else {}
        return {self.column: Picture(own), **label, **{name: stored.holds for name, stored in self.more.items()}}

    @property
    def shape(self) -> Shape:
        """Of the samples, with their classes."""
        return main_shape(self.columns)

    def take(self, index: NDArray[np.int64], chance: RandomWords, columns: Collection[str]) -> Mapping[str, Tensor]:
        """These samples in these columns, those that there are; one random word for each sample.

        Pictures are (n, channels, height, width) as stored, channels last in memory. A word's lowest bit decides on
        mirroring, the next two times 21 on the place of the window. Raises Failure for a sample that is damaged in the
        cache.
        """
        found: dict[str, Tensor] = {}
        if self.column in columns:
            if self.checksums is not None:
                self.checksums.check(self.samples, index)
            found[self.column] = self.pictures(self.samples, index, chance)
        if LABEL in columns and self.labels is not None:
            found[LABEL] = torch.from_numpy(self.labels[index])
        for name in set(columns) & set(self.more):
            rows, holds = self.more[name]
            pictures = isinstance(holds, Picture)
            found[name] = self.pictures(rows, index, chance) if pictures else torch.from_numpy(rows[index])
        return found

    def pictures(self, stored: NDArray[Any], index: NDArray[np.int64], chance: RandomWords) -> Tensor:
        """Pictures of these samples, mirrored and cut as their random words decide: equally in all columns."""
        rows = stored.take(index, axis=0) if self.window is None else random_windows(stored, index, chance, self.window)
        if self.flip:
            mirrored = (chance & np.uint64(1)).astype(bool)
            rows[mirrored] = rows[mirrored, :, ::-1]
        return torch.from_numpy(rows).permute(0, 3, 1, 2)

    def verify(self) -> None:
        """Raises Failure where any sample is damaged in the cache: for whoever reads `samples` as they are."""
        if self.checksums is not None:
            self.checksums.check(self.samples, np.arange(len(self.samples)))

    def with_fingerprint(self) -> ArrayDataset:
        """With a fingerprint, by which just this content is known; pictures have one wherever they lie."""
        if self.fingerprint:
            return self
        labels = [] if self.labels is None else [self.labels]
        if not self.more and self.column == "image" and self.samples.dtype == np.uint8:
            digest = compute_fingerprint(b"", self.samples, *labels)
            printed = content_fingerprint(digest, self.samples.shape, self.classes, self.flip, self.window)
            return replace(self, fingerprint=printed)
        facts: tuple[object, ...] = self.samples.shape, str(self.samples.dtype), self.classes, self.flip, self.window
        if self.more or self.column != "image":
            facts += self.column, {name: (s.rows.shape, str(s.rows.dtype), s.holds) for name, s in self.more.items()}
        content = [self.samples, *labels, *(s.rows for s in self.more.values())]
        return replace(self, fingerprint=compute_fingerprint(repr(facts).encode(), *content))


def content_fingerprint(digest: str, shape: tuple[int, ...], classes: tuple[str, ...], flip: bool,
                        window: ImageSize | None) -> str:  # fmt: skip
    """What pictures are known by, wherever they lie: the digest of their bytes and labels, and how they are shown."""
    shown = None if window is None else written_size(window)  # of a square its side
    return compute_fingerprint(repr((digest, shape, classes, flip, shown)).encode())


def random_windows(stored: NDArray[Any], index: NDArray[np.int64], chance: RandomWords,
                   window: ImageSize) -> NDArray[Any]:  # fmt: skip
    """A window of each sample, at a place that its random word decides."""
    _, height, width, channels = stored.shape
    top, left = (
        random_below(chance >> np.uint64(1), height - window.height + 1),
        random_below(chance >> np.uint64(22), width - window.width + 1),
    )
    rows = np.empty((len(index), *window, channels), stored.dtype)
    for row, i, y, x in zip(rows, index, top, left, strict=True):
        row[...] = stored[i, y : y + window.height, x : x + window.width]
    return rows


def random_below(words: RandomWords, count: int) -> NDArray[np.int64]:
    """A number below `count` from the lowest 21 bits of each word."""
    return ((words & np.uint64((1 << 21) - 1)) * np.uint64(count) >> np.uint64(21)).astype(np.int64)


def compute_fingerprint(content: bytes, *arrays: NDArray[Any]) -> str:
    """A digest of bytes, and of arrays behind them."""
    digest = hashlib.blake2b(content, digest_size=16)
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
