"""Pairs out of two sources whose pictures have equal names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ...errors import Mistake, format_count
from ...notices import Notify, notify_nobody
from ..cache.store import open_undecoded
from ..prepare import Prepare
from ..readers.folder_layout import strip_common
from ..undecoded import DataSource, UndecodedImages
from ..wording import join_names
from .columns import ColumnPlan, ColumnSource, changed_source

SHOWN_PARTNERLESS = 3  # names of each side that a sentence gives

Match = tuple[NDArray[np.int64], NDArray[np.int64]]  # the places of the pairs on both sides


def plan_matched(name: str, titles: tuple[str, str], sources: tuple[DataSource, DataSource],
                 prepare: Prepare) -> ColumnPlan:  # fmt: skip
    """The pictures of both sources that have a partner, in the order of the second ones."""

    @cache
    def match(note: Notify) -> Match:
        one, two = (open_undecoded(source, notify_nobody).keys for source in sources)
        return match_keys(titles, (one, two), note)

    def column(number: int) -> ColumnSource:
        def change(pile: UndecodedImages, note: Notify) -> UndecodedImages:
            return pile.subset(match(note if number else notify_nobody)[number])

        key = ("matched", number, sources[1 - number].cache_key)
        return ColumnSource(changed_source(sources[number], "matched", key, change), prepare)

    return ColumnPlan(name, column(0), column(1), True)


def match_keys(titles: tuple[str, str], keys: tuple[Sequence[str], Sequence[str]], say: Notify) -> Match:
    """The places of the pairs, by paths without endings or, where more agree, by the names of the files alone.

    What has no partner is left out, and said; Mistake where that are more than half of either side.
    """
    tried = [(spell(keys[0]), spell(keys[1])) for spell in (relative_stems, file_stems)]
    first, second = max(tried, key=lambda names: len(names[0].keys() & names[1].keys()))
    both = sorted(first.keys() & second.keys(), key=lambda name: second[name])
    alone = [
        f"{len(some):,} of {len(own):,} in {title}, such as {join_names(some, SHOWN_PARTNERLESS)}"
        for title, own, other in zip(titles, (first, second), (second, first), strict=True)
        if (some := [name for name in own if name not in other])
    ]
    if not both or 2 * len(both) < max(len(first), len(second)):
        raise Mistake(f"images of a pair have equal names, as 1.png in one folder and 1.jpg in the other, but only "
                      f"{len(both):,} names of {titles[0]} and {titles[1]} agree; without a partner are "
                      f"{'; and '.join(alone)}; images that are no pairs are for cyclegan and cut")  # fmt: skip
    if alone:
        say(f"{format_count(len(both), 'pair')} of equal names; without a partner, and left out, are "
            f"{'; and '.join(alone)}")  # fmt: skip
    one, two = (np.array([own[name] for name in both], np.int64) for own in (first, second))
    return one, two


def relative_stems(keys: Sequence[str]) -> dict[str, int]:
    """The paths below the folders that all share, without their endings."""
    return {os.path.splitext(path)[0]: place for place, path in enumerate(strip_common(keys))}


def file_stems(keys: Sequence[str]) -> dict[str, int]:
    """The names of the files; none where two in different folders share one."""
    found = {os.path.splitext(os.path.basename(path))[0]: place for place, path in enumerate(keys)}
    return found if len(found) == len(keys) else {}
