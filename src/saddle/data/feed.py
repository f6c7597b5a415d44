"""An endless stream of batches on a device, that can be taken up at any place."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial
from math import prod
from typing import Any, Generic, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..batches import Batch, batch_shape, column_names, field_columns
from ..columns import check_downscale, scale_rows
from ..errors import format_count, require
from ..shape import Shape
from .dataset import Dataset, Taking, combined_reading
from .prefetch import Prefetch
from .streams import open_streams

B = TypeVar("B")
BATCHES_AHEAD = 3  # that are read, at most, while one is played with
BYTES_AHEAD = 1 << 29  # of pixels that these have, at most
SLOW_SECONDS, SLOW_BATCHES = 0.02, 3  # so many batches that took longer were read from a disk that is waited for


class Feed(Iterator[B], Generic[B]):
    """Batches of a data set, shuffled anew in every epoch; part i of several gets its rows of each whole batch.

    What it gives depends on the seed and `position` (images of each whole stream) alone. It is of the batch type, each
    field as the columns of `shape` say: pictures are float32 in [-1, 1], (n, channels, height, width), `channels_last`
    in memory or first, averaged down where `shape` is smaller than the data's. Raises Mistake for data without a column
    that the type wants, and for a batch that is larger than the data, or that its parts cannot share.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_type: type[B],
        batch: int,
        seed: int,
        device: torch.device | str,
        part: int = 0,
        parts: int = 1,
        position: int = 0,
        shape: Shape | None = None,
        channels_last: bool = True,
    ) -> None:
        self.dataset, self.batch, self.seed, self.device = dataset, batch, seed, torch.device(device)
        self.batch_type, kind = batch_type, cast(type[Batch], batch_type)
        self.first, self.count, self.position = part * batch // parts, batch // parts, position
        stored = field_columns(kind, batch_shape(kind, dataset.columns, dataset.name))
        self.channels_last = channels_last
        self.streams = open_streams(dataset, kind, seed)
        check_batch_size(batch, parts, min(len(stream.data) for stream in self.streams), dataset.name)
        self.names, self.columns = column_names(kind), stored | (field_columns(kind, shape) if shape else {})
        for field, column in self.columns.items():
            check_downscale(stored.get(field), column)
        self.begun: deque[tuple[int, Taking]] = deque()  # batches that are being read, with their positions
        size = batch * prod(dataset.shape[:3])
        self.ahead = min(BATCHES_AHEAD, BYTES_AHEAD // size)
        self.reading = combined_reading([stream.data for stream in self.streams])
        self.waited, self.slow = 0.0, 0  # seconds, for batches that were not at hand, and how many took long
        self.prefetch: Prefetch | None = None

    def __next__(self) -> B:
        began = time.perf_counter()
        if self.begun and self.begun[0][0] != self.position:
            self.begun.clear()
        if self.prefetch is None and self.worth_a_thread():
            self.prefetch = Prefetch()
        self.begin_until(self.position + (self.ahead + 1) * self.batch)
        _, taking = self.begun.popleft()
        taken = taking()
        if self.reading != "memory":
            took = time.perf_counter() - began
            self.waited, self.slow = self.waited + took, self.slow + (took > SLOW_SECONDS)
        batch = self.to_batch(taken)
        self.position += self.batch
        return batch

    def worth_a_thread(self) -> bool:
        """Would another thread be waited for less than the reading? A cache that is in memory is read at once."""
        slow = self.reading == "cache" and (self.device.type == "cuda" or self.slow >= SLOW_BATCHES)
        return self.ahead > 0 and (self.reading == "files" or slow)

    def begin_until(self, end: int) -> None:
        """Begin to read the batches that are not begun yet, up to this position."""
        after = self.begun[-1][0] + self.batch if self.begun else self.position
        for position in range(after, end, self.batch):
            start = position + self.first
            taking = self.begin(np.arange(start, start + self.count))
            apart = self.prefetch and self.prefetch.begin(partial(take_to_send, taking, self.device))
            self.begun.append((position, apart or taking))

    def batch_at(self, places: NDArray[np.int64]) -> B:
        """What stands at these places of all streams, not more than an epoch apart."""
        return self.to_batch(self.begin(places)())

    def begin(self, places: NDArray[np.int64]) -> Taking:
        """Begin to read what stands at these places."""
        begun = [stream.begin(places) for stream in self.streams]
        return lambda: {name: rows for taking in begun for name, rows in taking().items()}

    def close(self) -> None:
        """Read no further ahead, and end the thread that does."""
        self.begun.clear()
        self.prefetch = None

    def to_batch(self, taken: Mapping[str, Tensor]) -> B:
        rows = {field: scale_rows(self.to_device(taken[self.names[field]]), column)
                for field, column in self.columns.items()}  # fmt: skip
        if not self.channels_last:
            rows = {field: t.contiguous() for field, t in rows.items()}
        make: Any = self.batch_type
        return cast(B, make(**rows))

    def to_device(self, t: Tensor) -> Tensor:
        """On the device; the copy to a GPU overlaps with what is computed there."""
        if self.device.type == "cuda":
            return pinned(t).to(self.device, non_blocking=True)
        return t.to(self.device)


def take_to_send(taking: Taking, device: torch.device) -> Mapping[str, Tensor]:
    """What is taken, where the copy to this device begins."""
    taken = taking()
    return {name: pinned(rows) for name, rows in taken.items()} if device.type == "cuda" else taken


def pinned(t: Tensor) -> Tensor:
    """In memory that a GPU reads by itself."""
    return t if t.is_pinned() else t.pin_memory()


def check_batch_size(batch: int, parts: int, most: int, name: str = "the data") -> None:
    """Refuse a batch that is larger than the data, or that its parts cannot share."""
    require(batch >= 1, f"a batch of {batch} is none; the smallest has 1 image")
    larger = f"a batch of {batch:,} is larger than {name}, which has {format_count(most, 'sample')}"
    require(batch <= most, f"{larger}; --batch {most} is the largest")
    near = parts * max(1, min(round(batch / parts), most // parts))
    uneven = f"a batch of {batch} cannot be cut into {parts} equal parts, for processes and --accumulate"
    require(batch % parts == 0, f"{uneven}; a multiple of {parts} can, such as --batch {near}")
