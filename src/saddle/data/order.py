"""Which sample stands where in the endless stream, and the chance that goes with each place.

Both are pure functions of a seed and a position, so a run that goes on, or that several processes share, sees the same.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

RandomWords = NDArray[np.uint64]
GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)
WORD_MASK = (1 << 64) - 1


def mix_bits(words: RandomWords) -> RandomWords:
    """A bijection of 64-bit words that scatters neighbours: the finaliser of splitmix64."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def random_words(seed: int, positions: NDArray[np.int64], stream: int = 0) -> RandomWords:
    """One random word for each position, (n,) uint64; another stream is independent of this one."""
    start = np.full(
        1, seed & WORD_MASK, dtype=np.uint64
    )  # arrays, not scalars: their arithmetic wraps without a warning
    start = mix_bits(mix_bits(start + GOLDEN_RATIO) + np.full(1, stream & WORD_MASK, dtype=np.uint64) * GOLDEN_RATIO)
    return mix_bits(start + (positions.astype(np.uint64) + np.uint64(1)) * GOLDEN_RATIO)


def stream_seed(seed: int, stream: int) -> int:
    """The seed of one of several independent orders of a run; that of the first is the run's own."""
    return int(random_words(seed, np.array([stream]), stream=WORD_MASK)[0]) if stream else seed


@lru_cache(maxsize=4)
def epoch_permutation(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The permutation of one epoch; kept, because the next batch asks for it again."""
    permutation = np.argsort(random_words(seed, np.arange(n), stream=epoch + 1), kind="stable")
    permutation.flags.writeable = False
    return permutation


def sample_order(n: int, seed: int, position: int, count: int) -> NDArray[np.int64]:
    """The samples at `count` places from `position` on, (count,) int64: n places, an epoch, show each once."""
    first, last = position // n, (position + count - 1) // n
    parts = []
    for epoch in range(first, last + 1):
        start, stop = max(position - epoch * n, 0), min(position + count - epoch * n, n)
        parts.append(epoch_permutation(n, seed, epoch)[start:stop])
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def random_subset(n: int, limit: int | None, seed: int = 0) -> NDArray[np.int64]:
    """The first `limit` of a shuffle of n, in their old order: classes stay mixed, and it is always the same choice."""
    return np.arange(n) if limit is None or limit >= n else np.sort(sample_order(n, seed, 0, limit))
