"""Numbers out of packed files: never more memory than is there, never more than a file can be trusted with."""

from __future__ import annotations

import shutil
import tempfile
from math import prod
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import Mistake, require
from ..cache.location import cache_home

SAFE_BYTES = 1 << 30  # bytes that any file may unpack to
MAX_UNPACK_RATIO = (
    100  # times its own size that a file may unpack to beyond that: pictures shrink to a half, masks to a fiftieth
)
BYTES_IN_MEMORY = 1 << 26  # bytes that are held in memory; more are unpacked into a nameless file of the cache
COPY_BYTES = 1 << 20


def check_unpacked_size(size: int, packed: int, name: str) -> None:
    """Raise Mistake for a file that would unpack to very much more than it is, or than there is room for."""
    if size > max(SAFE_BYTES, MAX_UNPACK_RATIO * packed):
        raise Mistake(
            f"{name} would unpack from {describe_bytes(packed)} to {describe_bytes(size)}, over {MAX_UNPACK_RATIO} "
            f"times as much, and more than {describe_bytes(SAFE_BYTES)}; if it is meant so, unpack it first"
        )
    if size > BYTES_IN_MEMORY:
        free = shutil.disk_usage(make_cache_home()).free
        require(size < free, f"{name} would unpack to {describe_bytes(size)}, and the cache's disk has "
                             f"{describe_bytes(free)}; SADDLE_CACHE names another")  # fmt: skip


def read_array(
    stream: IO[bytes], dtype: np.dtype[Any], shape: tuple[int, ...], name: str, fortran: bool = False
) -> NDArray[Any]:
    """The array whose numbers a stream gives, to its end; raises Mistake where they are fewer or more."""
    size = prod(shape) * dtype.itemsize
    space = np.empty(size, np.uint8) if size <= BYTES_IN_MEMORY else unnamed_space(size)
    done = 0
    while done < size and (block := stream.read(min(COPY_BYTES, size - done))):
        space[done : done + len(block)] = np.frombuffer(block, np.uint8)
        done += len(block)
    more = done == size and stream.read(1)  # the end is where a checksum is compared
    require(done == size and not more, f"{name} should hold {size:,} bytes of numbers but has "
                                       f"{'more' if more else f'{done:,}'}")  # fmt: skip
    return space.view(dtype).reshape(shape, order="F" if fortran else "C")


def unnamed_space(size: int) -> NDArray[np.uint8]:
    """Space on the disk that is gone when nobody uses it, even where the process is killed."""
    with tempfile.TemporaryFile(dir=make_cache_home()) as file:
        return np.memmap(file, np.uint8, "w+", shape=(size,))


def make_cache_home() -> str:
    cache_home().mkdir(parents=True, exist_ok=True)
    return str(cache_home())


def describe_bytes(count: float) -> str:
    """`5.0 GB`."""
    units = iter(("kB", "MB", "GB", "TB", "PB", "EB"))
    unit = "bytes"
    while count >= 1000 and (larger := next(units, None)):
        count, unit = count / 1000, larger
    return f"{count:.3g} {unit}"
