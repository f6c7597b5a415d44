"""Arrays of pictures: .npy and .npz, in the layouts and ranges that people use."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import Mistake, nearest, require
from .pile import Labels, Pile, Say, Source, of_array, stamp

T = TypeVar("T")
IMAGES = ("images", "image", "x", "X", "data", "samples", "arr_0")
LABELS = ("labels", "label", "y", "Y", "targets", "target", "classes", "arr_1")
CLOSE = 1e-3  # how far floats may lie outside their range: resizing overshoots a little
BLOCK = 1 << 24  # numbers looked at in one go


def array(path: Path, part: str | None = None) -> Source:
    """The pictures of a .npy or .npz file, with the labels that the latter may hold; never unpickles anything."""

    def open_(say: Say) -> Pile:
        images, labels = loaded(path, part or "train")
        return of_array(bytes_of(images, str(path), say), None if labels is None else numbers_of(labels, str(path)))

    return Source(path.stem, (*stamp(path), part), open_)


def loaded(path: Path, part: str) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """The array of pictures, and that of labels; raises Mistake where a file holds none."""
    try:
        file = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(file, np.ndarray):
            return file, None
        with file:
            return entries(file, part, path)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, Mistake):
            raise
        raise Mistake(f"{path} is no array of numbers that can be read: {error}") from error


def entries(file: Mapping[str, NDArray[Any]], part: str, path: Path) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """The pictures and labels of an .npz by the names that are in use: x_train, train_images, images, arr_0, ..."""
    names = [f"{a}{b}" for name in IMAGES for a, b in ((f"{part}_", name), (f"{name}_", part))]
    images = next((name for name in (*names, *(IMAGES if part == "train" else ())) if name in file), None)
    if images is None:
        raise Mistake(
            f"{path} has no array called {part}_images or x_{part}; there are {', '.join(file) or 'none at all'}"
        )
    split = part in images
    names = [f"{a}{b}" for name in LABELS for a, b in ((f"{part}_", name), (f"{name}_", part))]
    labels = next((name for name in (names if split else LABELS) if name in file), None)
    return file[images], None if labels is None else file[labels]


def numbers_of(labels: NDArray[Any], name: str) -> Labels:
    """Labels as a row of whole numbers, also from a column or from rows with a single 1; raises Mistake for others."""
    if labels.ndim == 2 and labels.shape[1] > 1:
        hot = bool((np.sort(labels, axis=1)[:, -2:] == (0, 1)).all())
        require(hot, f"the labels of {name} have shape {labels.shape}; one number for each picture was expected")
        return np.asarray(labels.argmax(axis=1), dtype=np.int64)
    flat = labels.reshape(-1)
    whole = np.issubdtype(flat.dtype, np.number) and bool((flat == np.floor(flat)).all())
    require(whole, f"the labels of {name} are {flat.dtype}; whole numbers were expected")
    return flat.astype(np.int64)


def bytes_of(images: NDArray[Any], name: str, say: Say) -> NDArray[np.uint8]:
    """Pictures of any common layout and range as (n, height, width, channels) uint8; says what they were taken for."""
    images = last(images, name)
    if images.dtype == np.uint8:
        return images
    scale, shift = ranged(images, name, say)
    out = np.empty(images.shape, np.uint8)
    for rows in blocks(images):
        out[rows] = np.clip(np.rint(images[rows].astype(np.float64) * scale + shift), 0, 255)
    return out


def last(images: NDArray[Any], name: str) -> NDArray[Any]:
    """The array with its channels last; raises Mistake for a layout that is not known."""
    shape = images.shape
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


def ranged(images: NDArray[Any], name: str, say: Say) -> tuple[float, float]:
    """Scale and shift that bring the numbers to 0..255; raises Mistake for numbers that are no pixels."""
    if images.dtype == np.uint16 or images.dtype == np.bool_:
        return (255.0, 0.0) if images.dtype == np.bool_ else (1 / 257, 0.0)
    require(np.issubdtype(images.dtype, np.number), f"{name} holds {images.dtype}, which are no pixels")
    low = min(float(images[rows].min()) for rows in blocks(images))  # a nan makes both ends nan
    high = max(float(images[rows].max()) for rows in blocks(images))
    floats = np.issubdtype(images.dtype, np.floating)
    for (a, b), scale, shift in (((0, 1), 255.0, 0.0), ((-1, 1), 127.5, 127.5), ((0, 255), 1.0, 0.0)):
        if low >= a - CLOSE and high <= b + CLOSE and (floats or b == 255):
            say(f"{name}: its numbers are taken to lie in [{a}, {b}]")
            return scale, shift
    raise Mistake(f"{name} holds numbers from {low:g} to {high:g}; [0, 1], [-1, 1] or [0, 255] was expected")


def blocks(images: NDArray[Any]) -> Iterator[slice]:
    step = max(1, BLOCK // max(1, images[0].size if len(images) else 1))
    return (slice(i, i + step) for i in range(0, len(images), step))


def picked(parts: Mapping[str, T], part: str, name: str) -> T:
    """What belongs to a part of a set; raises Mistake with the parts that there are."""
    if part not in parts:
        raise Mistake(f"{name} has no part {part}{nearest(part, parts)}")
    return parts[part]
