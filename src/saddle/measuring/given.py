"""What can be measured and compared with: a source by its name or path, arrays and tensors in memory, data sets."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..data import Prepare, open_data
from ..data.dataset import Dataset, compute_fingerprint
from ..data.readers.arrays import to_uint8_images
from ..data.readers.npy import map_npy
from ..data.undecoded import Notify, ShapeCheck
from ..errors import Mistake, require
from ..shape import Shape

Measurable = str | Path | NDArray[Any] | Tensor | Dataset


def is_run(given: Measurable) -> bool:
    return isinstance(given, str | Path) and (Path(given) / "manifest.json").is_file()


def is_named_source(given: Measurable) -> bool:
    """Is it read from somewhere, so that it can be brought to another size?"""
    return isinstance(given, str | Path)


def open_measurable(given: Measurable, prepare: Prepare, say: Notify, name: str,
                    suits: ShapeCheck = lambda shape, most: None) -> Dataset:  # fmt: skip
    """The samples that are meant; those in memory are called by this name. Raises Mistake for anything else.

    `suits` is asked what it thinks of the shape of pictures, before these are read.
    """
    if isinstance(given, Dataset):
        return given
    if isinstance(given, Tensor):
        given = given.detach().cpu()
        given = (given.float() if given.is_floating_point() else given).numpy()
    if isinstance(given, np.ndarray):
        return dataset_from_array(given, name, say)
    if not isinstance(given, str | Path):
        raise Mistake("a run, a source's name or path, an array, a tensor or a Dataset can be measured, not this "
                      f"{type(given).__name__}")  # fmt: skip
    points = read_points_file(Path(given))
    if points is None:
        return open_data(str(given), prepare, say, suits=suits)
    plain = prepare == Prepare()
    require(plain, f"{given} has points, not pictures: size, crop and channels do not apply to it")
    return Dataset(str(given), points)


def dataset_from_array(array: NDArray[Any], name: str, say: Notify) -> Dataset:
    """Images as `.npy` files may hold them (n, h, w), (n, h, w, c) or (n, c, h, w), or points (n, 2)."""
    require(array.size > 0, f"{name}: an array of shape {array.shape} holds nothing")
    points = to_points(array, name)
    return Dataset(name, np.ascontiguousarray(to_uint8_images(array, name, say)) if points is None else points)


def read_points_file(path: Path) -> NDArray[np.float32] | None:
    """The points of a .npy file; None for any other file, which the data's own readers know."""
    if path.suffix.lower() != ".npy" or not path.is_file():
        return None
    try:
        array = map_npy(path)
    except Mistake:
        return None
    return to_points(array, str(path))


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


def with_fingerprint(data: Dataset) -> Dataset:
    """With a fingerprint, by which a number is known to be against just these."""
    if data.fingerprint:
        return data
    facts = (data.samples.shape, str(data.samples.dtype), data.classes, data.flip, data.window)
    labels = b"" if data.labels is None else data.labels.tobytes()
    return replace(data, fingerprint=compute_fingerprint(repr(facts).encode() + data.samples.tobytes() + labels))


def prepare_like(prepare: Prepare, shape: Shape) -> Prepare:
    """So that a named source is brought to the size and the channels of samples that have theirs already."""
    if shape.points or shape.height != shape.width or shape.channels not in (1, 3, 4):
        return prepare
    channels: Any = shape.channels
    return replace(prepare, size=prepare.size or shape.height, channels=prepare.channels or channels)


def check_writable(file: Path) -> None:
    """Raises Mistake where a file cannot be put, before there is anything to put there."""
    require(not file.is_dir(), f"{file} is a folder; name a file in it")
    place = file if file.exists() else next(folder for folder in file.absolute().parents if folder.exists())
    require(place == file or place.is_dir(), f"{file} cannot be written: {place} is no folder")
    require(os.access(place, os.W_OK), f"{file} cannot be written: {place} may not be changed")
