"""Arrays of pictures: .npy and .npz, in the layouts and ranges that people use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import Mistake, nearest, require
from .levels import BYTES, NOTHING, Extent, Levels, cut, is_map, levels_of, told
from .npy import Arrays, Header, mapped
from .pile import Labels, Numbers, Pile, Say, Source, numbered, of_array, stamp
from .prepare import ends
from .words import are, listed

T = TypeVar("T")
IMAGES = ("images", "image", "x", "X", "data", "samples", "arr_0")
LABELS = ("labels", "label", "y", "Y", "targets", "target", "classes", "arr_1")
SPLITS = ("train", "test", "val", "valid", "dev")
ENOUGH = 127  # a byte above it tells that the range is the whole one
BLOCK = 1 << 22  # numbers looked at in one go
LOOKED = 64  # pictures that are looked at for flat areas


def array(path: Path, part: str | None = None, range: str | None = None) -> Source:
    """The pictures of a .npy or .npz file, with the labels that the latter may hold; never unpickles anything.

    `part` is a part of an .npz (`test`) or the name of an array in it; `range` is as in `Prepare`.
    """

    def open_(say: Say) -> Pile:
        if path.suffix.lower() == ".npy":
            require(part is None, f"{path} is one array and has no part {part}")
            return of_array(numbers_in(mapped(path), str(path), say, range))
        arrays = Arrays(path)
        images = images_of(arrays, part, path, say)
        labels = labels_beside(images, arrays)
        if labels is None and (beside := rows_beside(images, arrays)):
            say(f"{path}: {listed(beside)}, with a row for each picture, {are(beside)} not taken for classes; an array "
                "called labels is")  # fmt: skip
        pixels = numbers_in(arrays.read(images), f"{path}:{images}", say, range)
        return of_array(pixels, *((None,) if labels is None else labels_of(arrays.read(labels), f"{path}:{labels}")))

    return Source(path.stem, (*stamp(path), part), open_)


def images_of(arrays: Arrays, part: str | None, path: Path, say: Say) -> str:
    """The name of the array of pictures: the one asked for, x_train, train_images, images ..., or the only one."""
    if part is not None and part in arrays:
        return part
    split = part or "train"
    known = [f"{a}{b}" for name in IMAGES for a, b in ((f"{split}_", name), (f"{name}_", split))]
    found = next((name for name in (*known, *(IMAGES if part in (None, "train") else ())) if name in arrays), None)
    if found is not None:
        return str(found)
    likely = [name for name in arrays if is_pictures(arrays, name)]
    if part is None and len(likely) == 1:
        say(f"the array {likely[0]} of {path} is taken for the pictures: no other has their shape")
        return likely[0]
    if not arrays:
        raise Mistake(f"{path} holds no arrays")
    raise Mistake(
        f"{path} has no array called {part or 'images'}, {split}_images or x_{split}; there are {arrays.described()}; "
        f"name one, as in {path}:{(likely or list(arrays))[0]}"
    )


def is_pictures(arrays: Arrays, name: str) -> bool:
    """Has the array of this name the shape of pictures?"""
    header = arrays.headers[name]
    return isinstance(header, Header) and len(header.shape) in (3, 4) and header.dtype.kind in "biuf"


def labels_beside(images: str, arrays: Arrays) -> str | None:
    """The name of the array of labels that goes with one of pictures."""
    split = next((word for word in SPLITS if word in images), None)
    names = LABELS if split is None else [n for name in LABELS for n in (f"{split}_{name}", f"{name}_{split}")]
    return next((name for name in names if name in arrays and name != images), None)


def rows_beside(images: str, arrays: Arrays) -> list[str]:
    """The names of arrays without pictures that have as many rows as one of pictures."""
    rows = arrays[images].shape[:1]
    headers = {name: arrays.headers[name] for name in arrays if name != images}
    return [n for n, h in headers.items() if isinstance(h, Header) and h.shape[:1] == rows and len(h.shape) < 3]


def labels_of(labels: NDArray[Any], name: str) -> tuple[Labels, tuple[str, ...]]:
    """Labels as numbers, and the names of the classes where the labels are names; raises Mistake for others."""
    if labels.dtype.kind in "US":
        texts = [t.decode("utf-8", "replace") if isinstance(t, bytes) else str(t) for t in labels.reshape(-1)]
        return numbered(texts)
    return numbers_of(labels, name), ()


def numbers_of(labels: NDArray[Any], name: str) -> Labels:
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


def bytes_of(images: NDArray[Any], name: str, say: Say) -> NDArray[np.uint8]:
    """Pictures in memory as (n, height, width, channels) uint8; says what their numbers were taken for."""
    rows = numbers_in(images, name, say)
    return rows[0 : len(rows)]


def numbers_in(images: NDArray[Any], name: str, say: Say, range: str | None = None) -> Numbers:
    """Pictures of any common layout and range, read as bytes when they are needed; says what they were taken for."""
    require(images.dtype.kind in "biufc", f"{name} holds {images.dtype}, which are no pixels")
    images = last(images, name)
    return Numbers(images, ranged(images, name, say, range) if images.size else BYTES)


def last(images: NDArray[Any], name: str) -> NDArray[Any]:
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


def ranged(images: NDArray[Any], name: str, say: Say, asked: str | None) -> Levels:
    """The range of the numbers, asked for or decided from all of them; raises Mistake for what are no pixels."""
    try:
        extent = extent_of(images, enough=images.dtype == np.uint8 and asked is None)
        maps = asked is None and images.dtype == np.uint8 and ENOUGH < extent.high < BYTES.high and maps_in(images)
        if maps:
            extent = extent_of(images, enough=False)
        levels = levels_of(extent, images.dtype) if asked is None else Levels(*ends(asked))
    except Mistake as why:
        raise Mistake(f"{name}: {why}") from why
    sentence = told(levels, extent, images.dtype, maps) if asked is None else cut(levels, extent)
    if sentence:
        say(f"{name}: {sentence}")
    return levels


def maps_in(images: NDArray[Any]) -> bool:
    """Do pictures (n, height, width, channels) look like maps of classes?"""
    step = max(1, len(images) // LOOKED)
    return images.shape[-1] == 1 and all(is_map(np.asarray(one)[..., 0]) for one in images[::step])


def extent_of(images: NDArray[Any], enough: bool) -> Extent:
    """Of all numbers; or of so many that the range of bytes is sure."""
    extent = NOTHING
    for rows in blocks(images):
        extent |= Extent.of(images[rows])
        if enough and extent.high > ENOUGH:
            break
    return extent


def blocks(images: NDArray[Any]) -> Iterator[slice]:
    step = max(1, BLOCK // max(1, images[0].size if len(images) else 1))
    return (slice(i, i + step) for i in range(0, len(images), step))


def picked(parts: Mapping[str, T], part: str, name: str) -> T:
    """What belongs to a part of a set; raises Mistake with the parts that there are."""
    if part not in parts:
        raise Mistake(f"{name} has no part {part}{nearest(part, parts)}")
    return parts[part]
