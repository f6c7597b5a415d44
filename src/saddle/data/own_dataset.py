"""A data set of somebody's own: whatever it gives is what its columns say, or the work ends with a sentence."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..blame import blame_user_code
from ..columns import row_shape
from ..errors import Failure, Mistake, require
from ..notices import Notify
from ..shape import Classes, Codes, Column, Picture, Text
from .array_dataset import ArrayDataset
from .dataset import Dataset, DatasetView, Reading, Taking, begin_to_take, main_shape
from .held_out import DatasetSubset
from .on_the_fly import OnTheFlyDataset
from .order import RandomWords, random_words
from .sides import Side, Sided

LOOKED_AT = 16  # samples, at most, before anything is made of a data set
ROUNDING = 1e-3  # by which floats may leave [-1, 1]


@dataclass(frozen=True, eq=False)
class OwnDataset(DatasetView):
    """The same data set, of which every row is looked at: Failure for what its columns do not say."""

    whole: Dataset
    reading: Reading = "own"  # whatever it shows: a user's program is called in the training's thread alone

    @property
    def fingerprint(self) -> str:
        return self.whole.fingerprint

    def begin(self, index: NDArray[np.int64], chance: RandomWords, columns: Collection[str]) -> Taking:
        with blame_user_code(Failure):
            taking = begin_to_take(self.whole, index, chance, columns)

        def taken() -> Mapping[str, Tensor]:
            with blame_user_code(Failure):
                found = taking()
            return checked_rows(self.whole, found, columns, len(index), Failure)

        return taken


def check_dataset(data: Dataset, say: Notify) -> Dataset:
    """A given data set, whose first samples have been looked at; Mistake for one that is none."""
    with blame_user_code(Mistake):
        facts: tuple[Any, ...] = data.name, data.fingerprint, data.columns, len(data)
    name, printed, columns, count = facts
    fine = isinstance(name, str) and isinstance(printed, str) and isinstance(columns, Mapping)
    require(fine, f"{type(data).__name__} is no Dataset: its name and fingerprint should be texts, its columns a "
                  f"mapping, not {name!r}, {printed!r} and {type(columns).__name__}")  # fmt: skip
    for column, holds in columns.items():
        known = isinstance(holds, Classes | Picture | Text | Codes)
        require(known, f"{name}: its column {column} is {holds!r}, but should be Classes, a Picture, a Text or Codes")
    main_shape(columns)
    require(count >= 1, f"{name} has no samples")
    return look_at(data, say)


def look_at(data: Dataset, say: Notify) -> Dataset:
    """The same for each of its sides."""
    if isinstance(data, Side):
        return replace(data, whole=look_at(data.whole, say))
    if isinstance(data, Sided):
        return data.each(lambda side: look_at(side, say))
    index = np.arange(min(LOOKED_AT, len(data)))
    with blame_user_code(Mistake):
        found = data.take(index, random_words(0, index), tuple(data.columns))
    rows = checked_rows(data, found, tuple(data.columns), len(index), Mistake)
    for column, holds in data.columns.items():
        if isinstance(holds, Picture) and not holds.shape.points and not holds.shape.text and never_dark(rows[column]):
            say(f"{data.name}: its floats of {column}, from {float(rows[column].min()):.3g} to "
                f"{float(rows[column].max()):.3g}, are taken for what they are in [-1, 1], where -1 is black; those "
                "of [0, 1] are to be given as 2 * x - 1, or as bytes")  # fmt: skip
    return data if isinstance(data, ArrayDataset | OnTheFlyDataset | DatasetSubset) else OwnDataset(data)


def never_dark(pictures: Tensor) -> bool:
    """Are these floats that have likely been brought to [0, 1]?"""
    return pictures.is_floating_point() and float(pictures.min()) >= 0 and float(pictures.max()) > float(pictures.min())


def checked_rows(data: Dataset, found: object, columns: Collection[str], n: int,
                 error: Callable[[str], Exception]) -> dict[str, Tensor]:  # fmt: skip
    """What `take` gave of the columns that were asked for, as it should be."""
    if not isinstance(found, Mapping):
        raise error(f"{data.name}: take gave {type(found).__name__}, but should give a mapping of columns to tensors")
    asked = {column: holds for column, holds in data.columns.items() if column in columns}
    if missing := [column for column in asked if column not in found]:
        raise error(f"{data.name}: take gave no {' and no '.join(missing)}, which its columns say it has")
    rows = {}
    for column, holds in asked.items():
        value = found[column]
        if fault := find_fault(value, holds, n):
            raise error(f"{data.name}: take gave {fault} as {column}, where a tensor {(n, *row_shape(holds))} of "
                        f"{describe_values(holds)} was expected")  # fmt: skip
        rows[column] = plain_rows(value, holds)
    return rows


def find_fault(rows: object, holds: Column, n: int) -> str:
    """What is wrong with rows of a column; '' if nothing is."""
    if not isinstance(rows, Tensor):
        return f"a {type(rows).__name__}"
    picture, real = isinstance(holds, Picture), isinstance(holds, Picture | Codes)
    wrong = rows.is_complex() or (rows.is_floating_point() != real and not (picture and rows.dtype == torch.uint8))
    if wrong or tuple(rows.shape) != (n, *row_shape(holds)):
        return f"{tuple(rows.shape)} of {str(rows.dtype).removeprefix('torch.')}"
    if rows.dtype == torch.uint8 and picture:
        return ""
    low, high = (float(end) for end in rows.detach().aminmax())
    if isinstance(holds, Picture):
        least, most = (-torch.inf, torch.inf) if holds.shape.points else (-1 - ROUNDING, 1 + ROUNDING)
        fine = bool(rows.isfinite().all()) and least <= low and high <= most
    elif isinstance(holds, Codes):
        fine = bool(rows.isfinite().all())
    else:
        fine = low >= 0 and high < (holds.n if isinstance(holds, Classes) else holds.vocabulary)
    return "" if fine else f"numbers from {low:.6g} to {high:.6g}"


def describe_values(holds: Column) -> str:
    if isinstance(holds, Picture):
        return "finite floats" if holds.shape.points else "uint8, or of floats in [-1, 1],"
    if isinstance(holds, Codes):
        return "finite floats"
    return f"whole numbers below {holds.n if isinstance(holds, Classes) else holds.vocabulary}"


def plain_rows(rows: Tensor, holds: Column) -> Tensor:
    """Rows as saddle's own data give them."""
    rows = rows.detach().cpu()
    if not isinstance(holds, Picture):
        return rows.float() if isinstance(holds, Codes) else rows.long()
    return (rows if rows.dtype == torch.uint8 else rows.float()).contiguous(memory_format=torch.channels_last)
