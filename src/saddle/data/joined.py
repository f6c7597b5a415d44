"""Columns from several data sets whose samples belong together, such as pictures and what they are made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..errors import require
from ..shape import Column, Shape
from .array_dataset import compute_fingerprint
from .dataset import Dataset, Reading, Taking, combined_reading, main_shape
from .order import RandomWords
from .sides import Side


@dataclass(frozen=True, eq=False)
class JoinedDataset:
    """Sample i has a picture of each data set: one random word mirrors all of them, and cuts the same window."""

    name: str
    parts: Mapping[str, Dataset]  # by column, all of one length

    def __post_init__(self) -> None:
        lengths = {column: len(part) for column, part in self.parts.items()}
        require(len(set(lengths.values())) == 1, f"the columns of {self.name} belong together, but there are "
                + " and ".join(f"{count:,} of {column}" for column, count in lengths.items()))  # fmt: skip

    @cached_property
    def pictures(self) -> Mapping[str, Side]:
        return {column: Side(column, part) for column, part in self.parts.items()}

    @cached_property
    def fingerprint(self) -> str:
        return compute_fingerprint(repr({name: part.fingerprint for name, part in self.parts.items()}).encode())

    @cached_property
    def columns(self) -> Mapping[str, Column]:
        return {column: side.columns[column] for column, side in self.pictures.items()}

    @property
    def reading(self) -> Reading:
        return combined_reading(self.parts.values())

    @property
    def shape(self) -> Shape:
        return main_shape(self.columns)

    def __len__(self) -> int:
        return len(next(iter(self.parts.values())))

    def take(self, index: NDArray[np.int64], chance: RandomWords, columns: Collection[str]) -> Mapping[str, Tensor]:
        return self.begin(index, chance, columns)()

    def begin(self, index: NDArray[np.int64], chance: RandomWords, columns: Collection[str]) -> Taking:
        """The same, which is read from now on, and given when it is asked for."""
        begun = [side.begin(index, chance, columns) for side in self.pictures.values()]
        return lambda: {column: rows for taking in begun for column, rows in taking().items()}
