"""Both columns of a translation as one data set: pairs, or two kinds each with an order of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import require
from ...notices import Notify, notify_nobody
from ...shape import Columns, Picture, Shape
from ..array_dataset import compute_fingerprint
from ..cache.store import open_undecoded
from ..dataset import Dataset, main_column
from ..decoding.decode import common_shape
from ..found import FoundSamples, open_found
from ..held_out import DatasetSubset
from ..joined import JoinedDataset
from ..order import random_subset
from ..sides import Side, SideBySide, make_sides
from ..undecoded import ColumnsCheck
from .columns import COLUMNS, TRUTH, ColumnPlan, ColumnSource, Kind

PARTED_SEED = 3  # the seed of which half of the pairs is shown as a, the other as b: the same in all runs


def open_columns(plan: ColumnPlan, kind: Kind, say: Notify, cache: Path | None, suits: ColumnsCheck) -> Dataset:
    """The samples; `suits` is asked of both columns before any picture is read that is not in the cache."""
    (one, two), parted = COLUMNS[kind], plan.matched and kind == "unpaired"
    asked: list[Columns] = []

    def ask(own: str, columns: Columns, other: str, end: ColumnSource, most: int | None) -> None:
        if not asked:
            known = {own: columns[main_column(columns)], other: foretell(end)}
            asked.append({name: known[name] for name in (one, two)})
            suits(asked[0], most // 2 if parted and most is not None else most)

    second = open_found(plan.name, plan.second.source, plan.second.prepare, say, cache,
                        lambda columns, most: ask(two, columns, one, plan.first, most))  # fmt: skip
    first = open_found(plan.name, plan.first.source, plan.first.prepare, say, cache,
                       lambda columns, most: ask(one, columns, two, plan.second, most))  # fmt: skip
    if not plan.matched:
        return make_sides(plan.name, **{one: first.data, two: second.data})
    pairs = join_pairs(plan.name, first, second, (one, TRUTH if parted else two), say)
    return part_pairs(pairs, say) if parted else pairs


def foretell(end: ColumnSource) -> Picture:
    """What the samples of a column will be, before they are read."""
    shape = common_shape(
        open_undecoded(end.source, notify_nobody).chosen(end.prepare.limit, end.prepare.left_out), end.prepare
    )
    height, width = end.prepare.window or shape[1:3]
    return Picture(Shape(shape.channels, height, width))


def join_pairs(name: str, first: FoundSamples, second: FoundSamples, columns: tuple[str, str],
               say: Notify) -> JoinedDataset:  # fmt: skip
    """Those of which both pictures could be read."""
    both = np.intersect1d(first.places, second.places)
    lost = len(np.union1d(first.places, second.places)) - len(both)
    if lost:
        say(f"{name}: of {lost:,} pairs one picture could not be read, so that the other one is left out")
    require(len(both) >= 2, f"two pairs at least are needed, and of {name} {len(both)} could be read")
    parts = (rows_of(found.data, np.searchsorted(found.places, both)) for found in (first, second))
    return JoinedDataset(name, dict(zip(columns, parts, strict=True)))


def rows_of(data: Dataset, rows: NDArray[np.int64]) -> Dataset:
    """Some samples of a data set, itself if they are all."""
    if len(rows) == len(data):
        return data
    return DatasetSubset(data, rows, compute_fingerprint(data.fingerprint.encode(), rows))


def part_pairs(pairs: JoinedDataset, say: Notify) -> SideBySide:
    """Half of the pairs shows its first pictures, the other half its second ones, so that no pair is ever seen."""
    count = len(pairs)
    require(count >= 4, f"unpaired data need two images of each kind, and {pairs.name} has only {count} to make both")
    seen = random_subset(count, count // 2, PARTED_SEED)
    first, second = rows_of(pairs, seen), rows_of(pairs.parts[TRUTH], np.setdiff1d(np.arange(count), seen))
    say(f"{pairs.name}: a shows what {len(first):,} images are made from, and b {len(second):,} others, "
        "so that no pair is seen")  # fmt: skip
    return SideBySide(pairs.name, {"a": first, "b": Side("b", second)})
