"""Data that a program gives: arrays, tensors, columns of them, data sets; made ready as what lies in files is."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..batches import LINE, image_columns
from ..errors import Mistake, require
from ..notices import Notify
from ..shape import Classes, Column, Columns, Picture, Shape, Text, by_class
from .array_dataset import ArrayDataset, StoredColumn
from .captioned import CAPTION, text_column
from .dataset import LABEL, MAIN_COLUMNS, Dataset
from .decoding.decode import common_shape, decode_images
from .decoding.pixels import PixelArray
from .decoding.ranges import InferredBands
from .lines import check_plain, lines_dataset
from .order import random_subset
from .own_dataset import check_dataset
from .prepare import Prepare
from .readers.arrays import parse_labels, to_array_images, to_class_numbers
from .readers.detect import with_own_labels
from .sides import make_sides
from .undecoded import ColumnsCheck, DataSource, UndecodedImages, undecoded_from_array

Rows = NDArray[Any] | Tensor
GivenData = (
    Rows | Sequence[str] | Mapping[str, Rows] | Dataset
)  # of a mapping each column by its name: "image", "label", "source" ...
IN_MEMORY = "in memory"  # what a manifest calls them, in the place of a source
GIVEN: ContextVar[object] = ContextVar("given data", default=None)
SIDES = {"a", "b"}  # columns that are of different samples, as many of each as there may be
KNOWN = (
    "an array or tensor, a mapping of columns such as image and label to some, a list of lines of text, or a "
    "saddle.data.Dataset"
)


@contextmanager
def use_given(data: object) -> Iterator[str | None]:
    """The name of a source: what it is said to be; in here, data from a program are the source `IN_MEMORY`."""
    if data is None or isinstance(data, str | os.PathLike):
        yield None if data is None else os.fspath(data)
        return
    token = GIVEN.set(data)
    try:
        yield IN_MEMORY
    finally:
        GIVEN.reset(token)


def given_dataset(prepare: Prepare, say: Notify, suits: ColumnsCheck) -> Dataset:
    """The samples that are given in here; Mistake where none are, as on a command line."""
    given = GIVEN.get()
    if given is None:
        raise Mistake("these data were given in Python, so only there can they be given again: saddle.resume(RUN, "
                      "data=...), saddle.measure(RUN, data=...); or name files of the same content with --data, or let "
                      "a plugin offer them by a name")  # fmt: skip
    return known_by_content(open_given(given, prepare, say, f"data {IN_MEMORY}", suits))


def given_columns() -> Collection[str] | None:
    """The columns of the data that are given in here; None where none are."""
    given = GIVEN.get()
    if isinstance(given, Dataset):
        return given.columns
    if given_lines(given) is not None:
        return (LINE,)
    if isinstance(given, Mapping):
        return list(given)
    return ("image",) if isinstance(given, np.ndarray | Tensor) else None


def rename_image(columns: Columns, name: str) -> dict[str, Column]:
    """The same columns, with the images under another name."""
    return {name if column == "image" else column: holds for column, holds in columns.items()}


def known_by_content(data: Dataset) -> Dataset:
    """With a fingerprint; Mistake for a data set of somebody's own that has none."""
    known = data.with_fingerprint() if isinstance(data, ArrayDataset) else data
    require(known.fingerprint != "", f"{data.name} has no fingerprint, by which a run knows its data; give it one, a "
                                     "digest of its content")  # fmt: skip
    return known


def open_given(given: object, prepare: Prepare, say: Notify, name: str,
               suits: ColumnsCheck = lambda columns, most: None) -> Dataset:  # fmt: skip
    """The samples that a program gives, as if a file held them: with the same fingerprint, too.

    Images are uint8, or floats in [0, 1] or [-1, 1], (n, h, w), (n, h, w, c) or (n, c, h, w), points (n, 2), labels
    whole numbers or names. What can be read as it stands is not copied. Raises Mistake for what is none of this, and
    for options that do not go with it.
    """
    if isinstance(given, Dataset):
        plain = replace(prepare, decode="auto", captions=None) == Prepare()
        require(plain, f"{given.name} is a Dataset, whose samples are what they are: size, crop, channels, limit, flip "
                       "and labels do not apply to it")  # fmt: skip
        data = check_dataset(given, say)
        suits(data.columns, len(data))
        return data
    if (lines := given_lines(given)) is not None:
        check_plain(name, prepare)
        texts = lines_dataset(name, lines, prepare, say)
        suits(texts.columns, len(texts))
        return texts
    columns = {str(column): to_numpy(rows, name) for column, rows in to_columns(given, name).items()}
    if columns.keys() == SIDES:
        sides = {side: open_given(rows, prepare, say, f"{name}: {side}") for side, rows in columns.items()}
        both = make_sides(name, **sides)
        suits(both.columns, min(map(len, sides.values())))
        return both
    main = next((column for column in (*MAIN_COLUMNS, *columns) if column in columns and column != LABEL), None)
    require(main is not None, f"{name} should be {KNOWN}; its columns are {', '.join(columns) or 'none'}")
    assert main is not None
    count = len(columns[main])
    for column, rows in columns.items():
        require(len(rows) == count, f"{name} has {count:,} rows of {main}, but {len(rows):,} of {column}")
    label = columns.get(LABEL) if prepare.labels != "none" else None
    points = to_points(columns[main], name)
    if points is not None:
        further = [column for column in columns if column not in (main, LABEL)]
        require(not further, f"{name} has points, which have labels, but no {' or '.join(further)}")
        return points_dataset(points, label, prepare, name, suits)
    pile = pile_of(columns[main], label, prepare, name, say)
    further = [column for column in columns if column not in (main, LABEL)]
    require(not (further and prepare.left_out), "classes are left out of data with images and labels alone, but "
                                                f"{name} has {' and '.join(further)}")  # fmt: skip
    more = {column: further_column(rows, prepare, f"{name}: {column}", say, column == CAPTION)
            for column, rows in columns.items() if column not in (main, LABEL)}  # fmt: skip
    known = {column: stored.holds for column, stored in more.items()}
    pixels = decode_in_memory(pile, prepare, name, say, lambda own, most: suits(known | rename_image(own, main), most))
    whole = ArrayDataset(name, pixels, pile.labels, pile.classes, "", prepare.flip, prepare.window, column=main,
                         more=more)  # fmt: skip
    return whole.with_fingerprint()


def given_lines(given: object) -> list[str] | None:
    """Lines of text, if a program gave some: a list of them, or an array (n,), also as the column `line`."""
    column = given[LINE] if isinstance(given, Mapping) and given.keys() == {LINE} else given
    listed = column.tolist() if isinstance(column, np.ndarray) and column.ndim == 1 else column
    lines = listed if isinstance(listed, list | tuple) else []
    texts = [isinstance(line, str) for line in lines]
    if any(texts) and not all(texts):
        place = texts.index(False)
        raise Mistake(f"data {IN_MEMORY} has lines of text, but row {place} is {lines[place]!r:.80}; give text in each")
    return list(lines) if any(texts) else None


def to_columns(given: object, name: str) -> Mapping[Any, object]:
    if isinstance(given, Mapping):
        return given
    require(isinstance(given, np.ndarray | Tensor), f"{name} should be {KNOWN}, not this {type(given).__name__}")
    return {"image": given}


def to_numpy(rows: object, name: str) -> NDArray[Any]:
    """An array, or a tensor of any kind and device."""
    if isinstance(rows, Tensor):
        plain = rows.layout == torch.strided and not (rows.is_meta or rows.is_quantized)
        require(plain, f"{name} should be a dense tensor of plain numbers, not {rows.layout} of {rows.dtype} on "
                       f"{rows.device}")  # fmt: skip
        rows = rows.detach().cpu().resolve_conj().resolve_neg()
        rows = (rows.float() if rows.is_floating_point() else rows).numpy()
    if isinstance(rows, list | tuple):
        rows = np.array(rows)
    if not isinstance(rows, np.ndarray):
        raise Mistake(f"{name} should be {KNOWN}, not this {type(rows).__name__}")
    require(rows.size > 0 and rows.ndim > 0, f"{name}: an array of shape {rows.shape} holds nothing")
    return rows


def to_points(array: NDArray[Any], name: str) -> NDArray[np.float32] | None:
    """An array of points of the plane, (n, 2), or with axes of one as samples have them, as (n, 1, 1, 2); else None."""
    flat = array.ndim == 2 and array.shape[1] == 2
    if not (flat or array.shape[1:] in ((2, 1, 1), (1, 1, 2))):
        return None
    real = np.issubdtype(array.dtype, np.floating) or np.issubdtype(array.dtype, np.integer)
    require(real and len(array) > 0, f"{name}: points are rows of two numbers, not {array.shape} of {array.dtype}")
    points = np.array(array, dtype=np.float32).reshape(-1, 1, 1, 2)
    require(bool(np.isfinite(points).all()), f"a point of {name} holds a value that is no number: NaN or infinite")
    return points


def points_dataset(points: NDArray[np.float32], label: NDArray[Any] | None, prepare: Prepare, name: str,
                   suits: ColumnsCheck) -> ArrayDataset:  # fmt: skip
    plain = replace(prepare, limit=None, labels=None, decode="auto", captions=None) == Prepare()
    require(plain, f"{name} has points, not pictures: size, crop, channels and flip do not apply to it")
    pile = undecoded_from_array(points.astype(np.uint8), *labels_of(label, name))  # for its labels alone
    some = random_subset(len(points), prepare.limit)
    suits(image_columns(Shape(2, 1, 1, by_class(len(pile.classes)))), len(some))
    labels = None if pile.labels is None else pile.labels[some]
    return ArrayDataset(name, points[some], labels, pile.classes).with_fingerprint()


def labels_of(label: NDArray[Any] | None, name: str) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    return (None, ()) if label is None else parse_labels(label, name)


def pile_of(image: NDArray[Any], label: NDArray[Any] | None, prepare: Prepare, name: str,
            say: Notify) -> UndecodedImages:  # fmt: skip
    """Pictures of an array, of which the options take some."""

    def open_(say: Notify) -> UndecodedImages:
        return undecoded_from_array(to_array_images(image, name, say, prepare.range), *labels_of(label, name))

    return with_own_labels(DataSource(name, (), open_), prepare).open(say).chosen(prepare.limit, prepare.left_out)


def decode_in_memory(pile: UndecodedImages, prepare: Prepare, name: str, say: Notify,
                     suits: ColumnsCheck = lambda columns, most: None) -> PixelArray:  # fmt: skip
    """(n, height, width, channels)."""
    shape = common_shape(pile, prepare)
    height, width = prepare.window or shape[1:3]
    suits(image_columns(Shape(shape.channels, height, width, by_class(len(pile.classes)))), len(pile))
    assert pile.pixels is not None, "it was made of an array"
    if pile.pixels.shape[1:] == (shape.height, shape.width, shape.channels):
        return pile.pixels[range(len(pile))]
    pixels = np.empty((len(pile), shape.height, shape.width, shape.channels), np.uint8)
    _, rows = decode_images(pile, prepare, InferredBands(pile, prepare, say))
    with closing(rows):
        for block in rows:
            for place, why in block.refused:
                raise Mistake(f"{pile.keys[place]} of {name} cannot be made ready: {why}")
            pixels[block.places] = block.pixels
    return pixels


def further_column(rows: NDArray[Any], prepare: Prepare, name: str, say: Notify, texts: bool = False) -> StoredColumn:
    """Pictures, made ready as the samples are; tokens (n, length); classes (n,), or texts (n,)."""
    if texts and rows.ndim == 1 and rows.dtype.kind in "UO":
        return text_column(rows[random_subset(len(rows), prepare.limit)].tolist(), name)
    if rows.ndim > 2:
        pixels = decode_in_memory(pile_of(rows, None, replace(prepare, labels=None), name, say), prepare, name, say)
        height, width = prepare.window or pixels.shape[1:3]
        return StoredColumn(pixels, Picture(Shape(pixels.shape[3], height, width)))
    numbers = rows[random_subset(len(rows), prepare.limit)]
    if rows.ndim == 1:
        numbers = to_class_numbers(numbers, name)
    whole = numbers.dtype.kind in "iu" and int(numbers.min()) >= 0
    require(whole, f"{name} has {rows.dtype} of shape {rows.shape}; pictures, classes or tokens, from 0 up, were "
                   "expected")  # fmt: skip
    kinds = int(rows.max()) + 1
    holds = Classes(kinds) if rows.ndim == 1 else Text(rows.shape[1], kinds)
    return StoredColumn(numbers.astype(np.int64), holds)
