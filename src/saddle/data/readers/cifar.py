"""CIFAR as its authors publish it (batches in pickles, or in bytes), and small pictures laid out in mosaics."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from math import isqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import Mistake, require
from ...notices import Notify
from ...regular import read_whole
from ..decoding.pixels import describe_error, strict_pillow, to_channels
from ..progress import count_cores
from ..undecoded import DataSource, Labels, UndecodedImages, files_cache_key, undecoded_from_array
from .arrays import find_split
from .image_formats import open_image
from .safe_pickle import PickledArray, load_plain_pickle, to_text

TRAIN_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
SplitFiles = dict[str, tuple[str, ...]]
PICKLED_BATCHES: SplitFiles = {"train": TRAIN_BATCHES, "test": ("test_batch",)}
BINARY_BATCHES: SplitFiles = {part: tuple(f"{name}.bin" for name in names) for part, names in PICKLED_BATCHES.items()}
CIFAR100_FILES: SplitFiles = {"train": ("train",), "test": ("test",)}
CLASS_NAME_FILES = ("batches.meta", "batches.meta.txt", "meta")
CIFAR_SIDE = 32
NAMES = 1 << 20  # bytes that the names of classes take at most


def is_cifar(folder: Path) -> bool:
    """Does this folder hold batches of CIFAR?"""
    return find_layout(folder) is not None


def find_layout(folder: Path) -> SplitFiles | None:
    """Which files make up which part, for the three ways in which CIFAR is published."""
    if all((folder / name).is_file() for name in ("train", "test", "meta")):
        return CIFAR100_FILES
    found = (
        parts
        for parts in (PICKLED_BATCHES, BINARY_BATCHES)
        if any((folder / name).is_file() for names in parts.values() for name in names)
    )
    return next(found, None)


def cifar_source(folder: Path, part: str | None = None) -> DataSource:
    """The batches in a folder, the training ones unless asked for `test`; raises Mistake where one is missing."""
    names = find_split(find_layout(folder) or PICKLED_BATCHES, part or "train", str(folder))
    for name in names:
        require((folder / name).is_file(), f"{folder} lacks the batch {name}")
    files = [folder / name for name in names]
    meta = next((folder / name for name in CLASS_NAME_FILES if (folder / name).is_file()), None)

    def open_(say: Notify) -> UndecodedImages:
        read = read_binary_batch if names[0].endswith(".bin") else read_pickled_batch
        rows, labels = zip(*(read(path) for path in files), strict=True)
        pixels = np.concatenate(rows).reshape(-1, 3, CIFAR_SIDE, CIFAR_SIDE).transpose(0, 2, 3, 1)
        return undecoded_from_array(pixels, np.concatenate(labels), () if meta is None else read_class_names(meta))

    return DataSource(folder.resolve().name, files_cache_key(*files, *([meta] if meta else [])), open_)


def read_binary_batch(path: Path) -> tuple[NDArray[np.uint8], Labels]:
    """Rows (n, 3072) and labels of a binary batch: a byte for the label, then the planes."""
    size, row = path.stat().st_size, 1 + 3 * CIFAR_SIDE * CIFAR_SIDE
    require(size > 0 and size % row == 0, f"{path} has {size:,} bytes; a multiple of {row:,} was expected")
    table = np.memmap(path, np.uint8, "r").reshape(-1, row)
    return table[:, 1:], table[:, 0].astype(np.int64)


def read_pickled_batch(path: Path) -> tuple[NDArray[np.uint8], Labels]:
    """Rows (n, 3072) and labels of a pickled batch."""
    batch = load_plain_pickle(path)
    rows, labels = batch.get("data"), batch.get("labels", batch.get("fine_labels"))
    array = rows.array if isinstance(rows, PickledArray) else None
    labels = labels if isinstance(labels, list) else []
    whole = all(type(label) is int and 0 <= label < 1 << 31 for label in labels)
    if (
        array is None
        or not whole
        or array.dtype != np.uint8
        or array.shape != (len(labels), 3 * CIFAR_SIDE * CIFAR_SIDE)
    ):
        raise Mistake(f"{path} is no batch of CIFAR: bytes of shape (n, 3072) and as many labels were expected")
    return array, np.array(labels, dtype=np.int64)


def read_class_names(meta: Path) -> tuple[str, ...]:
    if meta.suffix == ".txt":
        return tuple(name for name in read_whole(meta, NAMES).decode(errors="replace").splitlines() if name)
    names = load_plain_pickle(meta)
    listed = names.get("label_names", names.get("fine_label_names", []))
    require(isinstance(listed, list), f"{meta} holds no names of classes")
    return tuple(to_text(name) for name in listed)


def is_mosaic(folder: Path) -> bool:
    """Does this folder hold pictures of many pictures, with a byte for each label?"""
    return (folder / "labels.u8").is_file()


def mosaic_source(folder: Path, part: str | None = None) -> DataSource:
    """Squares cut, row by row, from files train_00.*, ..., test_00.*; `labels.u8` has a byte for each, train first.

    The side of a square follows from the number of labels: every file holds as many squares, without gaps.
    """
    files = {name: sorted(folder.glob(f"{name}_*")) for name in ("train", "test")}
    count = sum(map(len, files.values()))
    require(count > 0, f"{folder} has labels.u8 but no mosaics train_00, train_01, ...")
    mine = find_split(files, part or "train", str(folder))
    require(len(mine) > 0, f"{folder} has no mosaics for {part or 'train'}")
    names = folder / "classes.txt"

    def open_(say: Notify) -> UndecodedImages:
        labels = np.fromfile(folder / "labels.u8", np.uint8)
        require(
            len(labels) % count == 0,
            f"{folder}: {len(labels):,} labels cannot be shared by {count} mosaics of one size",
        )
        each = len(labels) // count
        start = 0 if mine is files["train"] else len(files["train"]) * each
        with strict_pillow(), ThreadPoolExecutor(count_cores()) as pool:
            pixels = np.concatenate(list(pool.map(lambda path: cut_mosaic(path, each), mine)))
        known = tuple(read_whole(names, NAMES).decode(errors="replace").split()) if names.is_file() else ()
        return undecoded_from_array(pixels, labels[start : start + len(pixels)], known)

    return DataSource(
        folder.resolve().name,
        files_cache_key(folder / "labels.u8", *mine, *([names] if names.is_file() else [])),
        open_,
    )


def cut_mosaic(path: Path, count: int) -> NDArray[np.uint8]:
    """The squares of one mosaic in reading order, (count, side, side, 3)."""
    try:
        with open_image(path) as image:
            pixels = np.asarray(to_channels(image, 3))
    except Exception as error:  # a damaged file can fail in any way inside its decoder
        raise Mistake(f"the mosaic {path} cannot be read: {describe_error(error)}") from error
    height, width, _ = pixels.shape
    side = isqrt(height * width // count)
    if not side or side * side * count != height * width or height % side or width % side:
        raise Mistake(f"the mosaic {path} of {width}x{height} pixels cannot be cut into {count} equal squares")
    cut = pixels.reshape(height // side, side, width // side, side, 3)
    return cut.swapaxes(1, 2).reshape(count, side, side, 3)
