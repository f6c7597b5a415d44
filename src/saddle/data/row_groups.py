"""Samples that are read many at a time, as the rows of a table are, and the order that suits them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .order import random_words, sample_order

WINDOW_BYTES = 1 << 28  # of row groups that are shuffled together, and so held in memory


@dataclass(frozen=True, eq=False)
class RowGroups:
    """Which samples are read together, and what that takes of memory."""

    of: NDArray[np.int64]  # (n,): the group of each sample
    bytes: NDArray[np.int64]  # of each group

    def subset(self, rows: NDArray[np.int64]) -> RowGroups:
        """Those of some of the samples: a group is read whole, however few of it are wanted."""
        return RowGroups(self.of[rows], self.bytes)

    @property
    def is_small(self) -> bool:
        """Does one window hold all, so that their order is that of any other samples?"""
        return int(self.bytes.sum()) <= WINDOW_BYTES


def groups_of(data: object) -> RowGroups | None:
    """How the samples of a data set are grouped; None where each is read alone."""
    found: RowGroups | None = getattr(data, "groups", None)
    return found


def order_of(data: object, n: int, seed: int, position: int, count: int) -> NDArray[np.int64]:
    """The samples of a data set of n at `count` places from `position` on, as `sample_order` has them.

    Of samples in groups, the groups of an epoch are shuffled and cut into windows, and the samples of each window are
    shuffled. So a group is read once in an epoch, and what stands where is a function of seed and place all the same.
    """
    groups = groups_of(data)
    if groups is None:
        return sample_order(n, seed, position, count)
    first, last = position // n, (position + count - 1) // n
    parts = [grouped_permutation(groups, seed, epoch)[max(position - epoch * n, 0) : position + count - epoch * n]
             for epoch in range(first, last + 1)]  # fmt: skip
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


@lru_cache(maxsize=4)
def grouped_permutation(groups: RowGroups, seed: int, epoch: int) -> NDArray[np.int64]:
    """The permutation of one epoch: by windows, and in each by chance."""
    turn = np.argsort(random_words(seed, np.arange(len(groups.bytes)), stream=-epoch - 1), kind="stable")
    sizes = groups.bytes[turn]
    window = np.empty(len(turn), np.int64)
    window[turn] = (np.cumsum(sizes) - sizes) // WINDOW_BYTES
    permutation = np.lexsort((random_words(seed, np.arange(len(groups.of)), stream=epoch + 1), window[groups.of]))
    permutation.flags.writeable = False
    return permutation
