"""Samples kept out of training, by which a critic that learns its samples by heart is found out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..batches import Images
from ..errors import require
from .dataset import Dataset, compute_fingerprint
from .order import RandomWords, random_subset

HOLD_OUT_SEED = 2  # the seed of which samples are held out: the same in all runs, so that they can be compared


@dataclass(frozen=True, eq=False)
class DatasetSubset(Dataset):
    """Some samples of a data set; `samples` and `labels` are still those of all of it."""

    rows: NDArray[np.int64] = field(default_factory=lambda: np.arange(0))
    held_out: Dataset | None = None  # samples of the same data that are not among these

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, index: NDArray[np.int64], chance: RandomWords) -> Images:
        return super().take(self.rows[index], chance)


def hold_out(data: Dataset, count: int) -> Dataset:
    """The data without `count` of its samples, which stand by as `held`; 0 leaves it as it is."""
    if count == 0:
        return data
    check_hold_out_count(count, len(data))
    held = random_subset(len(data), count, HOLD_OUT_SEED)
    kept = np.setdiff1d(np.arange(len(data)), held)
    whole = {f: getattr(data, f) for f in Dataset.__dataclass_fields__}
    changed = compute_fingerprint(f"{data.fingerprint} without {count}".encode())
    apart = compute_fingerprint(f"{count} of {data.fingerprint}".encode())
    rest = DatasetSubset(**whole | {"fingerprint": apart}, rows=held)
    return DatasetSubset(**whole | {"fingerprint": changed}, rows=kept, held_out=rest)


def check_hold_out_count(count: int, samples: int) -> None:
    """Raises Mistake for more held out than half of so many samples."""
    most = samples // 2
    require(0 <= count <= most, f"held-out is {count:,}, but of {samples:,} samples 0 to {most:,} can be held out")


def held_out_of(data: Dataset) -> Dataset | None:
    """What was held out of this data."""
    return data.held_out if isinstance(data, DatasetSubset) else None
