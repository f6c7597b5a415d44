"""Samples decoded from their files whenever they are shown, ahead of time, by threads: for what no cache can hold."""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..errors import Failure
from ..image_size import ImageSize
from ..notices import notify_nobody
from ..shape import Column, Shape
from .array_dataset import ArrayDataset
from .cache.entry import CacheEntry
from .cache.store import open_undecoded
from .dataset import Reading, Taking
from .decoding.decode import decode_rows
from .decoding.pixels import PixelArray
from .decoding.ranges import InferredBands
from .decoding.read_ahead import PendingRows, ReadAhead
from .decoding.stored_bands import StoredBands
from .order import RandomWords
from .prepare import Prepare
from .row_groups import RowGroups
from .undecoded import DataSource, Labels


@dataclass(frozen=True, eq=False)
class OnTheFlyDataset:
    """Samples as `ArrayDataset` has them, to the bit, whose pixels are nowhere but in their files."""

    name: str
    samples: DecodedOnTheFly
    labels: Labels | None  # (n,)
    classes: tuple[str, ...]
    fingerprint: str
    flip: bool = False
    window: ImageSize | None = None  # of the windows that are drawn from larger samples
    reading: Reading = "files"
    groups: RowGroups | None = None

    @property
    def bands(self) -> StoredBands:
        """What was decided of the pictures' numbers."""
        return self.samples.bands.stored

    def __len__(self) -> int:
        return len(self.samples)

    @property
    def columns(self) -> Mapping[str, Column]:
        return self.among(np.empty((0, *self.samples.shape[1:]), np.uint8)).columns

    @property
    def shape(self) -> Shape:
        return self.among(np.empty((0, *self.samples.shape[1:]), np.uint8)).shape

    def take(self, index: NDArray[np.int64], chance: RandomWords, columns: Collection[str]) -> Mapping[str, Tensor]:
        """As an array's; raises Failure for a sample that is not what it was when all were first read."""
        return self.begin(index, chance, columns)()

    def begin(self, index: NDArray[np.int64], chance: RandomWords, columns: Collection[str]) -> Taking:
        """The same, which is read from now on, and given when it is asked for."""
        labels = None if self.labels is None else self.labels[index]
        pending = self.samples.begin(index) if ArrayDataset.column in columns else None

        def taken() -> Mapping[str, Tensor]:
            rows = np.empty((len(index), *self.samples.shape[1:]), np.uint8) if pending is None else pending.result()
            return self.among(rows, labels).take(np.arange(len(index)), chance, columns)

        return taken

    def among(self, rows: PixelArray, labels: Labels | None = None) -> ArrayDataset:
        """A few of the samples, which are shown as those of an array are."""
        return ArrayDataset(self.name, rows, labels, self.classes, self.fingerprint, self.flip, self.window)

    def verify(self) -> None:
        """Nothing: each sample is compared with what it was whenever it is read."""


class DecodedOnTheFly:
    """Pixels by number, (n, height, width, channels), equal to those that were seen when all were first read.

    Nothing is kept: memory holds what was begun and not yet asked for. Reading raises Failure where a file is not what
    it was.
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, source: DataSource, prepare: Prepare, entry: CacheEntry) -> None:
        assert entry.places is not None, "an entry without places is not opened to be decoded on the fly"
        self.pile = open_undecoded(source, notify_nobody).chosen(prepare.limit, prepare.left_out)
        self.places, self.sums, self.prepare, self.shape = entry.places, entry.checksums.sums, prepare, entry.shape
        self.bands = InferredBands(self.pile, prepare, notify_nobody, entry.bands)
        self.own_facts = entry.checksums.place / "facts.json" if entry.pixels is None else None
        self.ahead = ReadAhead(self.read)
        warnings.filterwarnings("ignore", module=r"PIL\.")  # filters are the process's: threads have none of their own

    def __len__(self) -> int:
        return self.shape[0]

    def begin(self, index: NDArray[np.int64]) -> PendingRows:
        return self.ahead.begin(index)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> PixelArray:
        return self.begin(np.arange(len(self))[rows]).result()

    def read(self, index: NDArray[np.int64]) -> PixelArray:
        _, height, width, channels = self.shape
        places = self.places[index].tolist()
        rows = decode_rows(self.pile, places, self.prepare, Shape(channels, height, width), self.bands)
        for place, why in rows.refused:
            raise Failure(f"{self.pile.keys[place]} could be read when the run began, and now cannot be: {why}")
        for row, place, known in zip(rows.pixels, places, self.sums[index].tolist(), strict=True):
            if zlib.crc32(np.ascontiguousarray(row).data) != known:
                raise self.changed(place)
        return rows.pixels

    def changed(self, place: int) -> Failure:
        """What there is to say of a picture that is another; what the cache tells of all of them is not used again."""
        if self.own_facts:
            with suppress(OSError):
                self.own_facts.unlink(missing_ok=True)
        return Failure(f"{self.pile.keys[place]} has other pixels than when all were first read: the file, or what "
                       "decodes it, has changed since; the next command reads all of them anew")  # fmt: skip
