"""Labels as people give them, as places in a run's classes."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Sequence, Sized
from itertools import product
from math import ceil, floor
from typing import SupportsIndex, cast

import torch
from torch import Tensor

from ..errors import Mistake, require
from ..runs.sheets import grid_columns

Label = SupportsIndex | str  # a class by its name; by its place, from 0, where names are not numbers themselves
MAX_NAMED_CLASSES = 20  # classes that a refusal names


def check_takes_labels(label: object, is_conditional: bool) -> None:
    """Refuse a label for a generator that is not told any."""
    require(is_conditional, f"a label was asked for ({label}), but this generator was not trained on labels; leave "
                            "label out")  # fmt: skip


def label_indices(label: Label | Sequence[Label], n: int, classes: tuple[str, ...], count: int) -> Tensor:
    """The places of labels among `count` classes of these names, (n,) int64."""
    if isinstance(label, str) or not isinstance(label, Sized) or getattr(label, "shape", None) == ():
        return torch.tensor(label_index(cast(Label, label), classes, count)).expand(n)
    require(len(label) == n, f"{len(label)} labels were given for {n} samples; give one for all, or one for each")
    return torch.tensor([label_index(one, classes, count) for one in label])


def label_index(label: Label, classes: tuple[str, ...], count: int) -> int:
    """A class's place; as text, a name goes before a number, for some classes may be called 3 and 7."""
    if isinstance(label, str) and label in classes:
        return classes.index(label)
    number = parse_class_index(label)
    digits = {value: place for place, name in enumerate(classes) if (value := parse_class_index(name)) is not None}
    places = digits if len(digits) == count else range(count)
    if number is not None and number in places:
        return places[number]
    rest = len(classes) - MAX_NAMED_CLASSES
    more = f" and {rest:,} more" if rest > 0 else ""
    known = f"there are {', '.join(classes[:MAX_NAMED_CLASSES])}{more}" if classes else "this run's data had no labels"
    asked = repr(label) if isinstance(label, str) or number is None else number
    raise Mistake(f"there is no label {asked}; {known}")


def parse_class_index(label: object) -> int | None:
    """A whole number, however it is given: as an int of any library, or in decimal digits."""
    if isinstance(label, str):
        return int(label) if re.fullmatch("-?[0-9]{1,18}", label) else None
    try:
        return None if isinstance(label, bool) else operator.index(cast(SupportsIndex, label))
    except TypeError:
        return None


def labels_by_class(classes: int, form: float = 1.0) -> list[int]:
    """Labels in order for a contact sheet: rows of one class, or in each row the same number of classes.

    Pictures have this form, width by height; the sheet is about as large as one of 8 to 14 squares a side, where some
    number does that, else as the smallest, with labels spread evenly.
    """
    counts = [rows * columns for side in range(8, 15)
              for rows, columns in product(around(side * form**0.5), around(side * form**-0.5))]  # fmt: skip
    n = next((n for n in counts if is_even_split(n, grid_columns(n, form), classes)), counts[0])
    return [i * classes // n for i in range(n)]


def around(number: float) -> Iterable[int]:
    """The whole numbers from 1 up next to it."""
    return range(max(1, floor(number)), max(1, ceil(number)) + 1)


def is_even_split(n: int, columns: int, classes: int) -> bool:
    """Do as many classes share n places in rows that each has whole rows, or each row whole classes?"""
    each, left = divmod(n, classes)
    return left == 0 == n % columns and (each % columns == 0 or columns % each == 0)
