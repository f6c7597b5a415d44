"""Arrays of pictures: .npy and .npz, in the layouts and ranges that people use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...errors import Mistake, did_you_mean, require
from ...notices import Notify
from ..decoding.levels import (
    BYTE_LEVELS,
    EMPTY_EXTENT,
    Levels,
    ValueExtent,
    describe_clipping,
    describe_levels,
    infer_levels,
    is_map,
)
from ..prepare import parse_range
from ..undecoded import (
    ArrayImages,
    DataSource,
    Labels,
    UndecodedImages,
    files_cache_key,
    to_class_labels,
    undecoded_from_array,
)
from ..wording import is_or_are, join_names
from .npy import NpyHeader, NpzArrays, map_npy

T = TypeVar("T")
IMAGE_KEYS = ("images", "image", "x", "X", "data", "samples", "arr_0")
LABEL_KEYS = ("labels", "label", "y", "Y", "targets", "target", "classes", "arr_1")
SPLIT_NAMES = ("train", "test", "val", "valid", "dev")
FULL_RANGE_BYTE = 127  # a byte above it tells that the range is the whole one
NUMBERS_AT_ONCE = 1 << 22  # numbers looked at in one go
LOOKED = 64  # pictures that are looked at for flat areas


def array_source(path: Path, part: str | None = None, range: str | None = None) -> DataSource:
    """The pictures of a .npy or .npz file, with the labels that the latter may hold; never unpickles anything.

    `part` is a part of an .npz (`test`) or the name of an array in it; `range` is as in `Prepare`.
    """

    def open_(say: Notify) -> UndecodedImages:
        if path.suffix.lower() == ".npy":
            require(part is None, f"{path} is one array and has no part {part}")
            return undecoded_from_array(to_array_images(map_npy(path), str(path), say, range))
        arrays = NpzArrays(path)
        images = find_image_key(arrays, part, path, say)
        labels = find_label_key(images, arrays)
        if labels is None and (beside := rows_beside(images, arrays)):
            say(f"{path}: {join_names(beside)}, with a row for each picture, {is_or_are(beside)} not taken for "
                "classes; an array called labels is")  # fmt: skip
        pixels = to_array_images(arrays.read(images), f"{path}:{images}", say, range)
        return undecoded_from_array(
            pixels, *((None,) if labels is None else parse_labels(arrays.read(labels), f"{path}:{labels}"))
        )

    return DataSource(path.stem, (*files_cache_key(path), part), open_)


def find_image_key(arrays: NpzArrays, part: str | None, path: Path, say: Notify) -> str:
    """The name of the array of pictures: the one asked for, x_train, train_images, images ..., or the only one."""
    if part is not None and part in arrays:
        return part
    split = part or "train"
    known = [f"{a}{b}" for name in IMAGE_KEYS for a, b in ((f"{split}_", name), (f"{name}_", split))]
    found = next((name for name in (*known, *(IMAGE_KEYS if part in (None, "train") else ())) if name in arrays), None)
    if found is not None:
        return str(found)
    likely = [name for name in arrays if is_image_array(arrays, name)]
    if part is None and len(likely) == 1:
        say(f"the array {likely[0]} of {path} is taken for the pictures: no other has their shape")
        return likely[0]
    if not arrays:
        raise Mistake(f"{path} holds no arrays")
    raise Mistake(
        f"{path} has no array called {part or 'images'}, {split}_images or x_{split}; there are {arrays.describe()}; "
        f"name one, as in {path}:{(likely or list(arrays))[0]}"
    )


def is_image_array(arrays: NpzArrays, name: str) -> bool:
    """Has the array of this name the shape of pictures?"""
    header = arrays.headers[name]
    return isinstance(header, NpyHeader) and len(header.shape) in (3, 4) and header.dtype.kind in "biuf"


def find_label_key(images: str, arrays: NpzArrays) -> str | None:
    """The name of the array of labels that goes with one of pictures."""
    split = next((word for word in SPLIT_NAMES if word in images), None)
    names = LABEL_KEYS if split is None else [n for name in LABEL_KEYS for n in (f"{split}_{name}", f"{name}_{split}")]
    return next((name for name in names if name in arrays and name != images), None)


def rows_beside(images: str, arrays: NpzArrays) -> list[str]:
    """The names of arrays without pictures that have as many rows as one of pictures."""
    rows = arrays[images].shape[:1]
    headers = {name: arrays.headers[name] for name in arrays if name != images}
    return [n for n, h in headers.items() if isinstance(h, NpyHeader) and h.shape[:1] == rows and len(h.shape) < 3]


def parse_labels(labels: NDArray[Any], name: str) -> tuple[Labels, tuple[str, ...]]:
    """Labels as numbers, and the names of the classes where the labels are names; raises Mistake for others."""
    if labels.dtype.kind in "US":
        texts = [t.decode("utf-8", "replace") if isinstance(t, bytes) else str(t) for t in labels.reshape(-1)]
        return to_class_labels(texts)
    return to_class_numbers(labels, name), ()


def to_class_numbers(labels: NDArray[Any], name: str) -> Labels:
    """Labels as a row of whole numbers, also from a column or from rows with a single 1; raises Mistake for others."""
    require(labels.dtype.kind in "biuf", f"the labels of {name} are {labels.dtype}; whole numbers were expected")
    if labels.ndim == 2 and labels.shape[1] > 1:
        hot = bool((np.sort(labels, axis=1)[:, -2:] == (0, 1)).all())
        require(hot, f"the labels of {name} have shape {labels.shape}; one number for each picture was expected")
        return np.asarray(labels.argmax(axis=1), dtype=np.int64)
    flat = labels.reshape(-1)
    whole = bool((abs(flat.astype(np.float64)) < 2**53).all() and (flat == np.floor(flat)).all())
    require(whole, f"the labels of {name} are {flat.dtype}; whole numbers were expected")
    return flat.astype(np.int64)


def to_array_images(images: NDArray[Any], name: str, say: Notify, range: str | None = None) -> ArrayImages:
    """Pictures of any common layout and range, read as bytes when they are needed; says what they were taken for."""
    require(images.dtype.kind in "biufc", f"{name} holds {images.dtype}, which are no pixels")
    images = channels_last(images, name)
    return ArrayImages(images, decide_levels(images, name, say, range) if images.size else BYTE_LEVELS)


def channels_last(images: NDArray[Any], name: str) -> NDArray[Any]:
    """The array with its channels last; raises Mistake for a layout that is not known."""
    shape = images.shape
    require(0 not in shape[1:], f"{name} has the shape {shape}: its pictures have no pixels")
    if images.ndim == 3 and (shape[-1] not in (1, 3, 4) or shape[-1] == shape[-2]):  # else a single picture
        return images[..., None]
    if images.ndim == 4 and shape[-1] in (1, 3, 4):
        return images
    if images.ndim == 4 and shape[1] in (1, 3, 4):
        return images.transpose(0, 2, 3, 1)
    raise Mistake(
        f"{name} has the shape {shape}; (n, height, width), (n, height, width, channels) or "
        "(n, channels, height, width) with 1, 3 or 4 channels was expected"
    )


def decide_levels(images: NDArray[Any], name: str, say: Notify, asked: str | None) -> Levels:
    """The range of the numbers, asked for or decided from all of them; raises Mistake for what are no pixels."""
    try:
        extent = measure_extent(images, enough=images.dtype == np.uint8 and asked is None)
        maps = (
            asked is None
            and images.dtype == np.uint8
            and FULL_RANGE_BYTE < extent.high < BYTE_LEVELS.high
            and maps_in(images)
        )
        if maps:
            extent = measure_extent(images, enough=False)
        levels = infer_levels(extent, images.dtype) if asked is None else Levels(*parse_range(asked))
    except Mistake as why:
        raise Mistake(f"{name}: {why}") from why
    sentence = (
        describe_levels(levels, extent, images.dtype, maps) if asked is None else describe_clipping(levels, extent)
    )
    if sentence:
        say(f"{name}: {sentence}")
    return levels


def maps_in(images: NDArray[Any]) -> bool:
    """Do pictures (n, height, width, channels) look like maps of classes?"""
    step = max(1, len(images) // LOOKED)
    return images.shape[-1] == 1 and all(is_map(np.asarray(one)[..., 0]) for one in images[::step])


def measure_extent(images: NDArray[Any], enough: bool) -> ValueExtent:
    """Of all numbers; or of so many that the range of bytes is sure."""
    extent = EMPTY_EXTENT
    for rows in row_slices(images):
        extent |= ValueExtent.of(images[rows])
        if enough and extent.high > FULL_RANGE_BYTE:
            break
    return extent


def row_slices(images: NDArray[Any]) -> Iterator[slice]:
    step = max(1, NUMBERS_AT_ONCE // max(1, images[0].size if len(images) else 1))
    return (slice(i, i + step) for i in range(0, len(images), step))


def find_split(parts: Mapping[str, T], part: str, name: str) -> T:
    """What belongs to a part of a set; raises Mistake with the parts that there are."""
    if part not in parts:
        raise Mistake(f"{name} has no part {part}{did_you_mean(part, parts)}")
    return parts[part]
