"""The idx files of MNIST and its relatives, plain or packed by gzip or xz."""

from __future__ import annotations

import gzip
import lzma
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Mistake, require
from .arrays import bytes_of, numbers_of, picked
from .pile import Pile, Say, Source, of_array, stamp

KINDS = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
SPLITS = {"train": ("train",), "test": ("t10k", "test")}


def is_idx(path: Path) -> bool:
    """Is this an idx file, by its name?"""
    return (
        "-idx" in path.name
        or ".idx" in path.name
        or path.name.removesuffix(".gz").removesuffix(".xz").endswith("-ubyte")
    )


def images_in(folder: Path) -> list[Path]:
    """The idx files with pictures in a folder."""
    return sorted(path for path in folder.iterdir() if path.is_file() and is_idx(path) and "images" in path.name)


def idx(path: Path, part: str | None = None, classes: tuple[str, ...] = ()) -> Source:
    """Pictures, and labels where a file beside has some; of a folder the training ones unless asked for `test`."""
    images = path if path.is_file() else chosen(path, part or "train")
    labels = beside(images)
    files = (images,) if labels is None else (images, labels)

    def open_(say: Say) -> Pile:
        pixels = bytes_of(read_idx(images), str(images), say)
        return of_array(pixels, None if labels is None else numbers_of(read_idx(labels), str(labels)), classes)

    return Source(path.resolve().name.partition(".")[0], (*stamp(*files), classes), open_)


def chosen(folder: Path, part: str) -> Path:
    """The file of pictures of this part; raises Mistake where the folder has none."""
    starts = picked(SPLITS, part, str(folder))
    for path in images_in(folder):
        if path.name.startswith(starts):
            return path
    raise Mistake(f"{folder} has no file {starts[0]}-images-idx3-ubyte (plain, .gz or .xz)")


def beside(images: Path) -> Path | None:
    """The file of labels that belongs to a file of pictures, packed the same way or another."""
    bare = images.name.removesuffix(".gz").removesuffix(".xz")
    name = bare.replace("images", "labels").replace("idx3", "idx1").replace("idx4", "idx1")
    near = [images.with_name(name + ending) for ending in ("", ".gz", ".xz")]
    return next((path for path in near if name != bare and path.is_file()), None)


def read_idx(path: Path) -> NDArray[Any]:
    """The array in an idx file; raises Mistake where it is none, or is cut short."""
    raw = unpacked(path)
    kind = KINDS.get(raw[2]) if len(raw) >= 4 and raw[:2] == b"\0\0" else None
    if kind is None:
        raise Mistake(f"{path} is no idx file: it starts with {raw[:4].hex() or 'nothing'}")
    start = 4 + 4 * raw[3]
    shape = np.frombuffer(raw[4:start], ">u4").astype(np.int64)
    expected = int(shape.prod()) * np.dtype(kind).itemsize
    require(
        len(raw) - start == expected, f"{path} should hold {expected:,} bytes of numbers but has {len(raw) - start:,}"
    )
    return np.frombuffer(raw, kind, offset=start).reshape(shape)


def unpacked(path: Path) -> bytes:
    """A file's bytes, unpacked if it starts as gzip or xz does; raises Mistake where that fails."""
    raw = path.read_bytes()
    try:
        if raw[:2] == b"\x1f\x8b":
            return gzip.decompress(raw)
        return lzma.decompress(raw) if raw[:6] == b"\xfd7zXZ\0" else raw
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        raise Mistake(f"{path} is broken and cannot be unpacked: {error}") from error
