"""Is what the cache holds still what was written? Every sample is asked before it is first shown."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import Failure

BYTES_CHECKED_AT_OPEN = (
    1 << 28
)  # bytes that are looked at when data are opened: all of a smaller set, runs of a larger one
BYTES_PER_RUN = 1 << 22  # bytes that are read in one go

ChecksumArray = NDArray[np.uint32]


def compute_checksums(samples: NDArray[Any]) -> ChecksumArray:
    """The CRC-32 of each sample's bytes, (n,)."""
    return np.array([zlib.crc32(np.ascontiguousarray(sample).data) for sample in samples], np.uint32)


class Checksums:
    """A checksum for each sample of a data set, and which samples have been compared with theirs."""

    def __init__(self, sums: ChecksumArray, place: Path) -> None:
        self.sums, self.place, self.seen = sums, place, np.zeros(len(sums), bool)

    def find_damaged(self, samples: NDArray[Any], index: NDArray[np.int64]) -> int | None:
        """The first of these samples that is not what was written, of those that nobody has asked about yet."""
        new = np.unique(index[~self.seen[index]])
        i: int
        for i in new.tolist():
            if zlib.crc32(samples[i].data) != self.sums[i]:
                return i
        self.seen[new] = True
        return None

    def check(self, samples: NDArray[Any], index: NDArray[np.int64]) -> None:
        """Raises Failure for a damaged sample; the entry that holds it is not opened again."""
        bad = self.find_damaged(samples, index)
        if bad is None:
            return
        with suppress(OSError):
            (self.place / "facts.json").unlink(missing_ok=True)
        raise Failure(
            f"sample {bad:,} in the cache's {self.place} is not what was written there, so its disk cannot be trusted "
            "with it; the next command, `saddle resume` as well, reads the data anew"
        )

    def sample_runs(self, size: int, budget: int = BYTES_CHECKED_AT_OPEN) -> Iterator[NDArray[np.int64]]:
        """Samples of so many bytes to begin with: all of a small set, of a large one runs at its ends and at random."""
        count, run = len(self.sums), max(1, BYTES_PER_RUN // max(1, size))
        runs = -(-count // run)
        most = max(2, budget // BYTES_PER_RUN)
        chosen: NDArray[np.int64] = np.arange(runs)
        if runs > most:
            inner = np.random.default_rng().choice(runs - 2, most - 2, replace=False) + 1
            chosen = np.array([0, *sorted(inner), runs - 1])
        return (np.arange(i * run, min((i + 1) * run, count)) for i in chosen.tolist())
