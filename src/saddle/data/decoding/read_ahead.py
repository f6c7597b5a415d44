"""Rows that take time to read, begun in threads before they are asked for."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..progress import count_cores
from .pixels import PixelArray

RowIndex = NDArray[np.int64]
ReadRows = Callable[[RowIndex], PixelArray]  # rows of these numbers; called in several threads at once
MAX_ROWS_PER_TASK = 16  # rows, at most, that one thread reads before another may


class PendingRows:
    """Rows that are being read; those that nobody waits for any more, as this object is gone, are not begun."""

    def __init__(self, pool: ThreadPoolExecutor, read: ReadRows, index: RowIndex, tasks: int) -> None:
        wanted = weakref.ref(self)
        self.parts = [pool.submit(read_if_wanted, wanted, read, part) for part in np.array_split(index, tasks)]

    def result(self) -> PixelArray:
        """All of them, in the order in which they were asked for; raises what reading the first bad one raised."""
        parts = [part.result() for part in self.parts]
        rows = parts[0] if len(parts) == 1 else np.concatenate([some for some in parts if some is not None])
        assert rows is not None, "it was there, and so its rows were read"
        return rows


def read_if_wanted(wanted: weakref.ref[PendingRows], read: ReadRows, index: RowIndex) -> PixelArray | None:
    return None if wanted() is None else read(index)


class ReadAhead:
    """Threads that read rows by number, first what was asked for first; they end with this object."""

    def __init__(self, read: ReadRows) -> None:
        self.read, self.threads = read, count_threads()

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads, "saddle-decode")

    def begin(self, index: RowIndex) -> PendingRows:
        """Begin to read rows, which are ready, or nearly so, when they are asked for."""
        tasks = max(min(self.threads, len(index)), -(-len(index) // MAX_ROWS_PER_TASK))
        return PendingRows(self.pool, self.read, index, tasks)


def count_threads() -> int:
    """The cores of this process: of several on one machine each has its share."""
    return max(1, count_cores() // int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
