"""Files of numbers, .npy and .npz, whose headers are read and judged before there is memory for what they promise."""

from __future__ import annotations

import ast
import os
import re
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import Mistake, require
from .unpacking import check_unpacked_size, read_array

MAX_HEADER_BYTES = 10_000  # bytes of a header; those of plain arrays have some 100
MAX_DIMENSIONS = 32  # dimensions
READABLE_KINDS = "biufcSU"  # of numbers, and of texts, which can be labels


class NpyHeader(NamedTuple):
    """What the beginning of a .npy says of the array behind it."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    start: int  # bytes before the first number

    @property
    def bytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{self.shape} {self.dtype}"


def read_npy_header(stream: IO[bytes], name: str) -> NpyHeader:
    """Of an array of plain numbers or texts; raises Mistake for any other."""
    start = stream.read(8)
    require(start[:6] == b"\x93NUMPY" and len(start) == 8, f"{name} is no array of numbers: it does not begin as one")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(stream.read(width), "little")
    require(
        length <= MAX_HEADER_BYTES, f"{name} has a header of {length:,} bytes; {MAX_HEADER_BYTES:,} at most are read"
    )
    text = stream.read(length)
    require(len(text) == length, f"{name} is cut short: its header should have {length:,} bytes but has {len(text):,}")
    return NpyHeader(*check_header(*parse_header(text, name), name), 8 + width + length)


def parse_header(text: bytes, name: str) -> tuple[Any, Any, Any]:
    """Type, shape and order as a header gives them."""
    plain = re.sub(r"(\d)L\b", r"\1", text.decode("latin1"))  # as Python 2 wrote whole numbers
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            facts = ast.literal_eval(plain.strip())
            return np.lib.format.descr_to_dtype(facts["descr"]), facts["shape"], facts["fortran_order"]
    except Exception as error:  # any text can stand there
        raise Mistake(f"{name} has a header that cannot be read: {type(error).__name__}") from error


def check_header(
    dtype: np.dtype[Any], shape: Any, fortran: Any, name: str
) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    require(not dtype.hasobject, f"{name} is no array of numbers: it holds Python objects, not read from files")
    if dtype.names is not None or dtype.subdtype is not None or dtype.kind not in READABLE_KINDS or not dtype.itemsize:
        raise Mistake(f"{name} holds {dtype}, which are no numbers of one kind")
    whole = isinstance(shape, tuple) and all(type(n) is int and 0 <= n < 1 << 48 for n in shape)
    require(whole and len(shape) <= MAX_DIMENSIONS and isinstance(fortran, bool),
            f"{name} has the shape {str(shape)[:60]}, "
                                                                        "which no array has")  # fmt: skip
    return dtype, shape, fortran


def map_npy(path: Path) -> NDArray[Any]:
    """The array of a .npy file, which stays on the disk; raises Mistake for anything else."""
    try:
        with path.open("rb") as stream:
            header = read_npy_header(stream, str(path))
            there = os.fstat(stream.fileno()).st_size - header.start
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error.strerror or error}") from error
    require(there >= header.bytes, f"{path} should hold {header.bytes:,} bytes of numbers but has {there:,}")
    order: Any = "F" if header.fortran else "C"
    if not header.bytes:
        return np.empty(header.shape, header.dtype)
    return np.memmap(path, header.dtype, "r", header.start, header.shape, order)


class NpzArrays(Mapping[str, NpyHeader]):
    """The arrays of an .npz by name: what each one's header says, and each one whole."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with zipfile.ZipFile(path) as file:
                packed = {e.filename.removesuffix(".npy"): e for e in file.infolist() if e.filename.endswith(".npy")}
                self.packed = packed
                self.headers = {name: self.header(file, entry) for name, entry in packed.items()}
        except Exception as error:  # a damaged archive can fail in any way
            raise self.to_mistake(error) from error

    def to_mistake(self, error: Exception) -> Mistake:
        if isinstance(error, Mistake):
            return error
        return Mistake(f"{self.path} is no array of numbers that can be read: {error or type(error).__name__}")

    def header(self, file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> NpyHeader | Mistake:
        """Of one array; the Mistake that reading it would be."""
        try:
            with file.open(entry) as stream:
                return read_npy_header(stream, f"{self.path}:{entry.filename.removesuffix('.npy')}")
        except Mistake as why:
            return why

    def __getitem__(self, name: str) -> NpyHeader:
        header = self.headers[name]
        if isinstance(header, Mistake):
            raise header
        return header

    def __iter__(self) -> Iterator[str]:
        return iter(self.headers)

    def __len__(self) -> int:
        return len(self.headers)

    def describe(self) -> str:
        """All of them in words."""
        return ", ".join(f"{n} ({'unreadable' if isinstance(h, Mistake) else h})" for n, h in self.headers.items())

    def read(self, name: str) -> NDArray[Any]:
        """The whole array; raises Mistake where it is damaged or would unpack to too much."""
        header, entry = self[name], self.packed[name]
        place = f"{self.path}:{name}"
        there = entry.file_size - header.start
        require(there == header.bytes, f"{place} should hold {header.bytes:,} bytes of numbers but has {there:,}")
        check_unpacked_size(header.bytes, entry.compress_size, place)
        try:
            with zipfile.ZipFile(self.path) as file, file.open(entry) as stream:
                stream.read(header.start)
                return read_array(stream, header.dtype, header.shape, place, header.fortran)
        except Exception as error:  # as above
            raise self.to_mistake(error) from error
