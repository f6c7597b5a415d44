"""The idx files of MNIST and its relatives, plain or packed by gzip or xz."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import Mistake, require
from ...notices import Notify
from ..undecoded import DataSource, UndecodedImages, files_cache_key, undecoded_from_array
from .arrays import find_split, to_array_images, to_class_numbers
from .unpacking import check_unpacked_size, read_array

IDX_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
DECOMPRESSORS: dict[bytes, Callable[[Path], Any]] = {b"\x1f\x8b": gzip.open, b"\xfd7zXZ\0": lzma.open}
SPLIT_PREFIXES = {"train": ("train",), "test": ("t10k", "test")}


def is_idx(path: Path) -> bool:
    """Is this an idx file, by its name?"""
    return (
        "-idx" in path.name
        or ".idx" in path.name
        or path.name.removesuffix(".gz").removesuffix(".xz").endswith("-ubyte")
    )


def find_idx_images(folder: Path) -> list[Path]:
    """The idx files with pictures in a folder."""
    return sorted(path for path in folder.iterdir() if path.is_file() and is_idx(path) and "images" in path.name)


def idx_source(
    path: Path, part: str | None = None, classes: tuple[str, ...] = (), range: str | None = None
) -> DataSource:
    """Pictures, and labels where a file beside has some; of a folder the training ones unless asked for `test`."""
    images = path if path.is_file() else choose_idx_file(path, part or "train")
    labels = find_label_file(images)
    files = (images,) if labels is None else (images, labels)

    def open_(say: Notify) -> UndecodedImages:
        pixels = to_array_images(read_idx(images), str(images), say, range)
        return undecoded_from_array(
            pixels, None if labels is None else to_class_numbers(read_idx(labels), str(labels)), classes
        )

    return DataSource(path.resolve().name.partition(".")[0], (*files_cache_key(*files), classes), open_)


def choose_idx_file(folder: Path, part: str) -> Path:
    """The file of pictures of this part; raises Mistake where the folder has none."""
    starts = find_split(SPLIT_PREFIXES, part, str(folder))
    for path in find_idx_images(folder):
        if path.name.startswith(starts):
            return path
    raise Mistake(f"{folder} has no file {starts[0]}-images-idx3-ubyte (plain, .gz or .xz)")


def find_label_file(images: Path) -> Path | None:
    """The file of labels that belongs to a file of pictures, packed the same way or another."""
    bare = images.name.removesuffix(".gz").removesuffix(".xz")
    name = bare.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1")
    near = [images.with_name(name + ending) for ending in ("", ".gz", ".xz")]
    return next((path for path in near if name != bare and path.is_file()), None)


def read_idx(path: Path) -> NDArray[Any]:
    """The array in an idx file; raises Mistake where it is none, is cut short or would unpack to too much."""
    try:
        with path.open("rb") as raw:
            begins = raw.read(6)
        packing = next((opener for start, opener in DECOMPRESSORS.items() if begins.startswith(start)), None)
        with path.open("rb") if packing is None else packing(path) as stream:
            return read_idx_array(stream, path, packing is not None)
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise Mistake(f"{path} is broken and cannot be unpacked: {error}") from error


def read_idx_array(stream: Any, path: Path, packed: bool) -> NDArray[Any]:
    """What lies behind a header: mapped where it lies, or unpacked."""
    start = stream.read(4)
    kind = IDX_DTYPES.get(start[2]) if len(start) == 4 and start[:2] == b"\0\0" else None
    if kind is None:
        raise Mistake(f"{path} is no idx file: it starts with {start.hex() or 'nothing'}")
    sides = stream.read(4 * start[3])
    require(0 < start[3] <= 4, f"{path} has {start[3]} dimensions; 1 to 4 were expected")
    require(len(sides) == 4 * start[3], f"{path} is cut short: it ends before its {start[3]} dimensions do")
    shape = tuple(int(side) for side in np.frombuffer(sides, ">u4"))
    dtype, size = np.dtype(kind), path.stat().st_size
    expected, there = prod(shape) * dtype.itemsize, size - 4 - len(sides)
    if packed:
        check_unpacked_size(expected, size, str(path))
        return read_array(stream, dtype, shape, str(path))
    require(there == expected, f"{path} should hold {expected:,} bytes of numbers but has {there:,}")
    return np.memmap(path, dtype, "r", size - there, shape) if expected else np.empty(shape, dtype)
