"""Which pictures are the same, or nearly the same."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

THUMBNAIL_SIDE = 16  # pixels on a side of the small grey pictures that are compared
HASH_BITS, MAX_BITS_APART = 64, 6  # of the hash, and how many of them may differ
MAX_GREY_DIFFERENCE = 1.0  # grey levels that nearly equal pictures may differ by in the mean
NEIGHBOURS_COMPARED = 4  # neighbours that each is compared with in every sorting

IndexGroups = list[list[int]]


def group_equal(digests: Sequence[Hashable]) -> IndexGroups:
    """Places with equal digests, by their first place, where there are two or more."""
    places: dict[Hashable, list[int]] = {}
    for i, digest in enumerate(digests):
        places.setdefault(digest, []).append(i)
    return [group for group in places.values() if len(group) > 1]


def hash_thumbnails(thumbs: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A word for each small picture, (n,): on which side of 64 fixed random planes it lies, its brightness aside.

    The chance that a bit differs is the angle between two pictures over pi, so a little noise changes few of them.
    """
    flat = thumbs.reshape(len(thumbs), -1).astype(np.float32)
    planes = np.random.Generator(np.random.Philox(0)).standard_normal(
        (THUMBNAIL_SIDE * THUMBNAIL_SIDE, HASH_BITS), dtype=np.float32
    )
    sides = (flat - flat.mean(axis=1, keepdims=True)) @ planes > 0
    return np.packbits(sides, axis=1).view(np.uint64)[:, 0]


def group_near(thumbs: NDArray[np.uint8]) -> IndexGroups:
    """Groups of pictures, (n, 16, 16) small and grey, that differ by next to nothing: other encodings, other sizes.

    Hashes are sorted from four different bits on, and only neighbours are compared, so that a million pictures take
    seconds; a group can be missed where very many hashes are alike.
    """
    words = hash_thumbnails(thumbs)
    pairs = set()
    for turn in range(0, HASH_BITS, HASH_BITS // 4):
        turned = (words << np.uint64(turn)) | (words >> np.uint64((HASH_BITS - turn) % HASH_BITS))
        places = np.argsort(turned, kind="stable")
        for step in range(1, NEIGHBOURS_COMPARED + 1):
            a, b = places[:-step], places[step:]
            close = count_differing_bits(words[a], words[b]) <= MAX_BITS_APART
            a, b = a[close], b[close]
            apart = np.abs(thumbs[a].astype(np.int16) - thumbs[b]).mean(axis=(1, 2))
            pairs |= {
                (int(i), int(j))
                for i, j in zip(a[apart <= MAX_GREY_DIFFERENCE], b[apart <= MAX_GREY_DIFFERENCE], strict=True)
            }
    return connected_groups(pairs)


def count_differing_bits(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.int64]:
    """How many bits differ in each pair of words."""
    bits = np.unpackbits((a ^ b).view(np.uint8).reshape(-1, 8), axis=1)
    return np.asarray(bits.sum(axis=1, dtype=np.int64))


def connected_groups(pairs: Iterable[tuple[int, int]]) -> IndexGroups:
    """The groups that pairs hang together in."""
    leader: dict[int, int] = {}

    def first(i: int) -> int:
        while (up := leader.setdefault(i, i)) != i:
            i = up
        return i

    for i, j in pairs:
        a, b = sorted((first(i), first(j)))
        leader[b] = a
    groups: dict[int, list[int]] = {}
    for i in sorted(leader):
        groups.setdefault(first(i), []).append(i)
    return list(groups.values())
