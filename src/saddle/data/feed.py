"""An endless stream of batches on a device, that can be taken up at any place."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
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
from .dataset import Dataset, Taking
from .streams import open_streams

B = TypeVar("B")
BATCHES_AHEAD = 3  # that are read, at most, while one is played with
BYTES_AHEAD = 1 << 29  # of pixels that these have, at most


class Feed(Iterator[B], Generic[B]):
    """Batches of a data set, shuffled anew in every epoch; part i of several gets its rows of each whole batch.

    What it gives depends on the seed and `position` (images of each whole stream) alone. It is of the batch type, each
    field as the columns of `shape` say: pictures are float32 in [-1, 1], (n, channels, height, width), channels last in
    memory, averaged down where `shape` is smaller than the data's. Raises Mistake for data without a column that the
    type wants, and for a batch that is larger than the data, or that its parts cannot share.
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
    ) -> None:
        self.dataset, self.batch, self.seed, self.device = dataset, batch, seed, torch.device(device)
        self.batch_type, kind = batch_type, cast(type[Batch], batch_type)
        self.first, self.count, self.position = part * batch // parts, batch // parts, position
        stored = field_columns(kind, batch_shape(kind, dataset.columns, dataset.name))
        self.streams = open_streams(dataset, kind, seed)
        check_batch_size(batch, parts, min(len(stream.data) for stream in self.streams), dataset.name)
        self.names, self.columns = column_names(kind), stored | (field_columns(kind, shape) if shape else {})
        for field, column in self.columns.items():
            check_downscale(stored.get(field), column)
        self.begun: deque[tuple[int, Taking]] = deque()  # batches that are being read, with their positions
        self.ahead = min(BATCHES_AHEAD, BYTES_AHEAD // (batch * prod(dataset.shape[:3])))

    def __next__(self) -> B:
        if self.begun and self.begun[0][0] != self.position:
            self.close()
        after = self.begun[-1][0] + self.batch if self.begun else self.position
        for position in range(after, self.position + (self.ahead + 1) * self.batch, self.batch):
            start = position + self.first
            self.begun.append((position, self.begin(np.arange(start, start + self.count))))
        _, taking = self.begun.popleft()
        batch = self.to_batch(taking())
        self.position += self.batch
        return batch

    def batch_at(self, places: NDArray[np.int64]) -> B:
        """What stands at these places of all streams, not more than an epoch apart."""
        return self.to_batch(self.begin(places)())

    def begin(self, places: NDArray[np.int64]) -> Taking:
        """Begin to read what stands at these places."""
        begun = [stream.begin(places) for stream in self.streams]
        return lambda: {name: rows for taking in begun for name, rows in taking().items()}

    def close(self) -> None:
        """Read no further ahead."""
        self.begun.clear()

    def to_batch(self, taken: Mapping[str, Tensor]) -> B:
        rows = {field: scale_rows(self.to_device(taken[self.names[field]]), column)
                for field, column in self.columns.items()}  # fmt: skip
        make: Any = self.batch_type
        return cast(B, make(**rows))

    def to_device(self, t: Tensor) -> Tensor:
        """On the device; the copy to a GPU overlaps with what is computed there."""
        if self.device.type == "cuda":
            return t.pin_memory().to(self.device, non_blocking=True)
        return t.to(self.device)


def check_batch_size(batch: int, parts: int, most: int, name: str = "the data") -> None:
    """Refuse a batch that is larger than the data, or that its parts cannot share."""
    require(batch >= 1, f"a batch of {batch} is none; the smallest has 1 image")
    larger = f"a batch of {batch:,} is larger than {name}, which has {format_count(most, 'sample')}"
    require(batch <= most, f"{larger}; --batch {most} is the largest")
    near = parts * max(1, min(round(batch / parts), most // parts))
    uneven = f"a batch of {batch} cannot be cut into {parts} equal parts, for processes and --accumulate"
    require(batch % parts == 0, f"{uneven}; a multiple of {parts} can, such as --batch {near}")
