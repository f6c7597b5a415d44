"""Data of several sides, such as horses and zebras: each column has samples, a number and an order of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..errors import require
from ..shape import Column, Shape
from .array_dataset import ArrayDataset, compute_fingerprint
from .dataset import (
    Dataset,
    DatasetView,
    Reading,
    Taking,
    begin_to_take,
    combined_reading,
    main_column,
    main_shape,
)
from .order import RandomWords


@runtime_checkable
class Sided(Dataset, Protocol):
    """Data whose columns are not of the same samples: an epoch is as long as the largest side."""

    @property
    def sides(self) -> Mapping[str, Dataset]: ...  # by column, which each of them has
    def each(self, change: Callable[[Dataset], Dataset]) -> Dataset: ...  # the same with other data on each side


@dataclass(frozen=True, eq=False)
class Side(DatasetView):
    """The pictures of a data set, as the column of a name."""

    column: str
    whole: Dataset

    @property
    def fingerprint(self) -> str:
        return self.whole.fingerprint

    @property
    def columns(self) -> Mapping[str, Column]:
        return {self.column: self.whole.columns[main_column(self.whole.columns)]}

    def begin(self, index: NDArray[np.int64], chance: RandomWords, columns: Collection[str]) -> Taking:
        if self.column not in columns:
            return dict
        own = main_column(self.whole.columns)
        taking = begin_to_take(self.whole, index, chance, (own,))
        return lambda: {self.column: taking()[own]}


@dataclass(frozen=True, eq=False)
class SideBySide:
    """Data sets side by side, by column: `make_sides("horses and zebras", a=horses, b=zebras)`."""

    name: str
    sides: Mapping[str, Dataset]  # by column, which each of them has

    @cached_property
    def fingerprint(self) -> str:
        known = {name: side.fingerprint for name, side in self.sides.items()}
        return compute_fingerprint(repr(known).encode()) if all(known.values()) else ""

    @property
    def columns(self) -> Mapping[str, Column]:
        return {name: side.columns[name] for name, side in self.sides.items()}

    @property
    def reading(self) -> Reading:
        return combined_reading(self.sides.values())

    @property
    def shape(self) -> Shape:
        return main_shape(self.columns)

    def __len__(self) -> int:
        """Those of the largest side: all have been seen once when an epoch has passed."""
        return max(map(len, self.sides.values()))

    def take(self, index: NDArray[np.int64], chance: RandomWords, columns: Collection[str]) -> Mapping[str, Tensor]:
        """Samples of one side."""
        asked = [name for name in columns if name in self.sides]
        require(len(asked) <= 1, f"{' and '.join(asked)} of {self.name} are of different samples")
        return {name: self.sides[name].take(index, chance, (name,))[name] for name in asked}

    def each(self, change: Callable[[Dataset], Dataset]) -> SideBySide:
        return replace(self, sides={name: change(side) for name, side in self.sides.items()})


def make_sides(name: str, **sides: Dataset) -> SideBySide:
    """Data whose columns are the pictures of these data sets, which have nothing to do with one another."""
    require(bool(sides), "data of several sides have at least one")
    nested = [column for column, data in sides.items() if isinstance(data, Sided)]
    require(not nested, f"{' and '.join(nested)} of {name} have sides themselves; give one of these")
    known = {column: data.with_fingerprint() if isinstance(data, ArrayDataset) else data
             for column, data in sides.items()}  # fmt: skip
    return SideBySide(name, {column: Side(column, data) for column, data in known.items()})


def side_of(data: Dataset, column: str) -> Dataset:
    """The data whose samples have this column: all of it, where all samples have."""
    return data.sides[column] if isinstance(data, Sided) else data
