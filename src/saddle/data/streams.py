"""Samples in an order of their own: what a batch type has of one stream comes from the same samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..batches import Batch, column_names
from ..errors import Mistake
from .dataset import Dataset, Taking, begin_to_take
from .order import random_words, stream_seed
from .row_groups import order_of
from .sides import side_of


@dataclass(frozen=True, eq=False)
class Stream:
    """What stands where in one stream is a function of the seed, the stream and the place."""

    data: Dataset
    seed: int
    names: tuple[str, ...]  # the columns that a batch has of these samples

    def begin(self, places: NDArray[np.int64]) -> Taking:
        """Begin to read what stands at these places, not more than an epoch apart."""
        first = int(places.min())
        index = order_of(self.data, len(self.data), self.seed, first, int(places.max()) - first + 1)[places - first]
        return begin_to_take(self.data, index, random_words(self.seed, places), self.names)


def open_streams(data: Dataset, kind: type[Batch], seed: int) -> tuple[Stream, ...]:
    """The streams that batches are made of; Mistake where fields of one stream are of different samples."""
    names, numbers = column_names(kind), kind.wanted().streams
    by_stream: dict[int, list[str]] = {}
    for field, name in names.items():
        if name in data.columns:
            by_stream.setdefault(numbers.get(field, 0), []).append(name)
    streams = []
    for number, some in sorted(by_stream.items()):
        sides = [side_of(data, name) for name in some]
        if any(side is not sides[0] for side in sides):
            raise Mistake(f"{' and '.join(some)} of {data.name} are of different samples, each with an order of its "
                          f"own, but {kind.__name__} are of the same ones")  # fmt: skip
        streams.append(Stream(sides[0], stream_seed(seed, number), tuple(some)))
    return tuple(streams)


def most_in_batch(data: Dataset, kind: type[Batch]) -> int:
    """The most samples that a batch can have without having one twice: of several sides all those of the least."""
    return min(len(stream.data) for stream in open_streams(data, kind, 0))
