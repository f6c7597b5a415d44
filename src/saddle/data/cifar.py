"""CIFAR as its authors publish it (batches in pickles, or in bytes), and small pictures laid out in mosaics."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from math import isqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import Mistake, require
from ..regular import read_whole
from .arrays import picked
from .formats import opened
from .pickles import Array, text, unpickled
from .pile import Labels, Pile, Say, Source, of_array, stamp
from .pixels import coloured, reason, strict
from .progress import cores

TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
Parts = dict[str, tuple[str, ...]]
BATCHES: Parts = {"train": TRAIN, "test": ("test_batch",)}
BINARY: Parts = {part: tuple(f"{name}.bin" for name in names) for part, names in BATCHES.items()}
HUNDRED: Parts = {"train": ("train",), "test": ("test",)}
META = ("batches.meta", "batches.meta.txt", "meta")
SIDE = 32
NAMES = 1 << 20  # bytes that the names of classes take at most


def is_cifar(folder: Path) -> bool:
    """Does this folder hold batches of CIFAR?"""
    return layout(folder) is not None


def layout(folder: Path) -> Parts | None:
    """Which files make up which part, for the three ways in which CIFAR is published."""
    if all((folder / name).is_file() for name in ("train", "test", "meta")):
        return HUNDRED
    found = (
        parts
        for parts in (BATCHES, BINARY)
        if any((folder / name).is_file() for names in parts.values() for name in names)
    )
    return next(found, None)


def batches(folder: Path, part: str | None = None) -> Source:
    """The batches in a folder, the training ones unless asked for `test`; raises Mistake where one is missing."""
    names = picked(layout(folder) or BATCHES, part or "train", str(folder))
    for name in names:
        require((folder / name).is_file(), f"{folder} lacks the batch {name}")
    files = [folder / name for name in names]
    meta = next((folder / name for name in META if (folder / name).is_file()), None)

    def open_(say: Say) -> Pile:
        read = of_bytes if names[0].endswith(".bin") else of_pickle
        rows, labels = zip(*(read(path) for path in files), strict=True)
        pixels = np.concatenate(rows).reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
        return of_array(pixels, np.concatenate(labels), () if meta is None else classes(meta))

    return Source(folder.resolve().name, stamp(*files, *([meta] if meta else [])), open_)


def of_bytes(path: Path) -> tuple[NDArray[np.uint8], Labels]:
    """Rows (n, 3072) and labels of a binary batch: a byte for the label, then the planes."""
    size, row = path.stat().st_size, 1 + 3 * SIDE * SIDE
    require(size > 0 and size % row == 0, f"{path} has {size:,} bytes; a multiple of {row:,} was expected")
    table = np.memmap(path, np.uint8, "r").reshape(-1, row)
    return table[:, 1:], table[:, 0].astype(np.int64)


def of_pickle(path: Path) -> tuple[NDArray[np.uint8], Labels]:
    """Rows (n, 3072) and labels of a pickled batch."""
    batch = unpickled(path)
    rows, labels = batch.get("data"), batch.get("labels", batch.get("fine_labels"))
    array = rows.array if isinstance(rows, Array) else None
    labels = labels if isinstance(labels, list) else []
    whole = all(type(label) is int and 0 <= label < 1 << 31 for label in labels)
    if array is None or not whole or array.dtype != np.uint8 or array.shape != (len(labels), 3 * SIDE * SIDE):
        raise Mistake(f"{path} is no batch of CIFAR: bytes of shape (n, 3072) and as many labels were expected")
    return array, np.array(labels, dtype=np.int64)


def classes(meta: Path) -> tuple[str, ...]:
    if meta.suffix == ".txt":
        return tuple(name for name in read_whole(meta, NAMES).decode(errors="replace").splitlines() if name)
    names = unpickled(meta)
    listed = names.get("label_names", names.get("fine_label_names", []))
    require(isinstance(listed, list), f"{meta} holds no names of classes")
    return tuple(text(name) for name in listed)


def is_mosaic(folder: Path) -> bool:
    """Does this folder hold pictures of many pictures, with a byte for each label?"""
    return (folder / "labels.u8").is_file()


def mosaics(folder: Path, part: str | None = None) -> Source:
    """Squares cut, row by row, from files train_00.*, ..., test_00.*; `labels.u8` has a byte for each, train first.

    The side of a square follows from the number of labels: every file holds as many squares, without gaps.
    """
    files = {name: sorted(folder.glob(f"{name}_*")) for name in ("train", "test")}
    count = sum(map(len, files.values()))
    require(count > 0, f"{folder} has labels.u8 but no mosaics train_00, train_01, ...")
    mine = picked(files, part or "train", str(folder))
    require(len(mine) > 0, f"{folder} has no mosaics for {part or 'train'}")
    names = folder / "classes.txt"

    def open_(say: Say) -> Pile:
        labels = np.fromfile(folder / "labels.u8", np.uint8)
        require(
            len(labels) % count == 0,
            f"{folder}: {len(labels):,} labels cannot be shared by {count} mosaics of one size",
        )
        each = len(labels) // count
        start = 0 if mine is files["train"] else len(files["train"]) * each
        with strict(), ThreadPoolExecutor(cores()) as pool:
            pixels = np.concatenate(list(pool.map(lambda path: tiles(path, each), mine)))
        known = tuple(read_whole(names, NAMES).decode(errors="replace").split()) if names.is_file() else ()
        return of_array(pixels, labels[start : start + len(pixels)], known)

    return Source(
        folder.resolve().name, stamp(folder / "labels.u8", *mine, *([names] if names.is_file() else [])), open_
    )


def tiles(path: Path, count: int) -> NDArray[np.uint8]:
    """The squares of one mosaic in reading order, (count, side, side, 3)."""
    try:
        with opened(path) as image:
            pixels = np.asarray(coloured(image, 3))
    except Exception as error:  # a damaged file can fail in any way inside its decoder
        raise Mistake(f"the mosaic {path} cannot be read: {reason(error)}") from error
    height, width, _ = pixels.shape
    side = isqrt(height * width // count)
    if not side or side * side * count != height * width or height % side or width % side:
        raise Mistake(f"the mosaic {path} of {width}x{height} pixels cannot be cut into {count} equal squares")
    cut = pixels.reshape(height // side, side, width // side, side, 3)
    return cut.swapaxes(1, 2).reshape(count, side, side, 3)
