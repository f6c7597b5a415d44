"""Samples by number, in columns: what a run is trained on, and what is measured and compared with."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..errors import Mistake
from ..shape import Classes, Column, Picture, Shape
from .decoding.stored_bands import StoredBands
from .order import RandomWords, random_words

LABEL = "label"  # the column of classes
MAIN_COLUMNS = ("image", "target", "b")  # what is made more of: the first of them that the data have
CONDITION_COLUMNS = (LABEL, "source", "a", "caption")  # and what it is made for
ROWS_AT_ONCE = 1 << 16  # labels


@runtime_checkable
class Dataset(Protocol):
    """Samples that are taken by number; what is random about showing them comes from outside."""

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...  # of the content and of all options that change what is shown
    @property
    def columns(self) -> Mapping[str, Column]: ...  # what each sample has, by name
    @property
    def shape(self) -> Shape: ...  # `main_shape` of the columns
    def __len__(self) -> int: ...
    def take(
        self, index: NDArray[np.int64], chance: RandomWords, columns: Collection[str]
    ) -> Mapping[str, Tensor]: ...  # these samples in those of these columns that there are; a random word for each


@runtime_checkable
class KnowsBands(Protocol):
    """Data of pictures, which know what was decided of the numbers in these: black, white, transparency."""

    @property
    def bands(self) -> StoredBands: ...


Reading = Literal["memory", "cache", "files", "own"]  # where samples come from; own: a user's program gives them


def reading_of(data: Dataset) -> Reading:
    """Where taking samples of a data set reads them: what says nothing of it is a user's."""
    found: Reading = getattr(data, "reading", "own")
    return found


def combined_reading(several: Collection[Dataset]) -> Reading:
    """Where samples of several data sets are read: what takes longest decides."""
    found = {reading_of(data) for data in several}
    order: tuple[Reading, ...] = ("own", "files", "cache", "memory")
    return next(kind for kind in order if kind in found)


Taking = Callable[[], Mapping[str, Tensor]]  # gives what is being taken; dropped, it is not read any further


@runtime_checkable
class ReadsAhead(Protocol):
    """Data that begin to read samples before these are asked for."""

    def begin(self, index: NDArray[np.int64], chance: RandomWords, columns: Collection[str]) -> Taking: ...


def begin_to_take(data: Dataset, index: NDArray[np.int64], chance: RandomWords, columns: Collection[str]) -> Taking:
    """As `take`, from now on where the data read ahead, and else when the samples are asked for."""
    ahead: ReadsAhead | None = data if hasattr(data, "begin") else None  # type: ignore[assignment]
    if ahead is not None:  # isinstance of a Protocol takes a third of the time that a small batch does
        return ahead.begin(index, chance, columns)
    return lambda: data.take(index, chance, columns)


class DatasetView:
    """A data set that shows another one: what it does not say itself is that one's, which may read ahead."""

    whole: Dataset

    @property
    def name(self) -> str:
        return self.whole.name

    @property
    def reading(self) -> Reading:
        return reading_of(self.whole)

    @property
    def columns(self) -> Mapping[str, Column]:
        return self.whole.columns

    @property
    def shape(self) -> Shape:
        return main_shape(self.columns)

    def __len__(self) -> int:
        return len(self.whole)

    def take(self, index: NDArray[np.int64], chance: RandomWords, columns: Collection[str]) -> Mapping[str, Tensor]:
        return self.begin(index, chance, columns)()

    def begin(self, index: NDArray[np.int64], chance: RandomWords, columns: Collection[str]) -> Taking:
        """Begin to take these samples of the other one."""
        raise NotImplementedError


def main_column(columns: Mapping[str, Column]) -> str:
    """The column of what is made more of; Mistake for data without pictures or points."""
    pictures = [name for name, column in columns.items() if isinstance(column, Picture)]
    for name in (*MAIN_COLUMNS, *pictures):
        if name in pictures:
            return name
    raise Mistake(f"data with the columns {', '.join(columns) or 'of none'} have no pictures")


def main_shape(columns: Mapping[str, Column]) -> Shape:
    """The shape of what is made more of, with what it is made for: as whoever knows no recipe sees the data."""
    name = main_column(columns)
    sample = columns[name]
    assert isinstance(sample, Picture)
    conditions = (columns[other] for other in CONDITION_COLUMNS if other in columns and other != name)
    return sample.shape._replace(condition=next(conditions, None), columns=())


def class_names(data: Dataset) -> tuple[str, ...]:
    """The names of the classes, if the data have labels."""
    label = data.columns.get(LABEL)
    return (label.names or tuple(map(str, range(label.n)))) if isinstance(label, Classes) else ()


def read_labels(data: Dataset, index: NDArray[np.int64] | None = None) -> NDArray[np.int64] | None:
    """The labels of these samples, of all if none are named; None where the data have none."""
    if LABEL not in data.columns:
        return None
    rows = np.arange(len(data)) if index is None else index
    parts = np.array_split(rows, max(1, -(-len(rows) // ROWS_AT_ONCE)))
    taken = (data.take(some, random_words(0, some), (LABEL,)).get(LABEL) for some in parts)
    found = [labels.numpy() for labels in taken if labels is not None]
    return np.concatenate(found) if found else None
