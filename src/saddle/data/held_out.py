"""Samples kept out of training, by which a critic that learns its samples by heart is found out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import require
from .array_dataset import compute_fingerprint
from .dataset import Dataset, DatasetView, Taking, begin_to_take, class_names, read_labels
from .order import RandomWords, random_subset
from .row_groups import RowGroups, groups_of
from .sides import Sided

HOLD_OUT_SEED = 2  # the seed of which samples are held out: the same in all runs, so that they can be compared


@dataclass(frozen=True, eq=False)
class DatasetSubset(DatasetView):
    """Some samples of a data set."""

    whole: Dataset
    rows: NDArray[np.int64]
    fingerprint: str
    held_out: Dataset | None = None  # samples of the same data that are not among these

    @cached_property
    def groups(self) -> RowGroups | None:
        whole = groups_of(self.whole)
        return whole and whole.subset(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def begin(self, index: NDArray[np.int64], chance: RandomWords, columns: Collection[str]) -> Taking:
        return begin_to_take(self.whole, self.rows[index], chance, columns)


def hold_out(data: Dataset, count: int) -> Dataset:
    """The data without `count` of its samples, of each side, which stand by as `held_out`; 0 leaves it as it is."""
    if count == 0:
        return data
    if isinstance(data, Sided):
        return data.each(lambda side: hold_out(side, count))
    check_hold_out_count(count, len(data))
    held = random_subset(len(data), count, HOLD_OUT_SEED)
    kept = np.setdiff1d(np.arange(len(data)), held)
    changed = compute_fingerprint(f"{data.fingerprint} without {count}".encode())
    apart = compute_fingerprint(f"{count} of {data.fingerprint}".encode())
    return DatasetSubset(data, kept, changed, DatasetSubset(data, held, apart))


def check_hold_out_count(count: int, samples: int) -> None:
    """Raises Mistake for more held out than half of so many samples."""
    most = samples // 2
    require(0 <= count <= most, f"held-out is {count:,}, but of {samples:,} samples 0 to {most:,} can be held out")


def held_out_of(data: Dataset) -> Dataset | None:
    """What was held out of this data."""
    if isinstance(data, Sided):
        whole = any(held_out_of(side) is None for side in data.sides.values())
        return None if whole else data.each(lambda side: held_out_of(side) or side)
    return data.held_out if isinstance(data, DatasetSubset) else None


def whole_of(data: Dataset) -> Dataset:
    """The data with what was held out of it."""
    return data.whole if isinstance(data, DatasetSubset) else data


def label_counts(data: Dataset) -> list[int]:
    """How many samples each class has, those that are held out among them; nothing where there are no labels."""
    labels = read_labels(whole_of(data))
    return [] if labels is None else np.bincount(labels, minlength=len(class_names(data))).tolist()
