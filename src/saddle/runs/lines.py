"""The lines of a run's logs, read one by one: a damaged or sparse file costs no more memory than its good lines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import Mistake, require
from ..regular import open_to_read

LARGEST, LONGEST = 1 << 30, 1 << 20  # bytes of a file, of a line
BLOCK = 1 << 16


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of a file in a run's folder, each with its end, but for one that is cut; of a missing file none.

    One of more than 1 MiB, which no run writes, comes as an empty line. Mistake for what is no file, or is too large.
    """
    try:
        with open_to_read(path, path.parent) as file:
            size = os.fstat(file.fileno()).st_size
            require(size <= LARGEST, f"{path} has {size / 2**30:.1f} GiB, and no run writes more than 1 GiB of it; "
                                     "move it out of the run's folder")  # fmt: skip
            while line := file.readline(LONGEST + 1):
                yield line if len(line) <= LONGEST else passed_over(file)
    except FileNotFoundError:
        return
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error.strerror}") from None


def passed_over(file: BinaryIO) -> bytes:
    """Read to the end of a line that is too long: an empty one in its place, cut as it was."""
    while rest := file.readline(LONGEST):
        if rest.endswith(b"\n"):
            return b"\n"
    return b" "


def append_whole(file: BinaryIO, content: bytes) -> None:
    """Write behind the end of a file, past its buffer, all of it or nothing: a disk may fill up half-way."""
    size = os.fstat(file.fileno()).st_size
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(file.fileno(), rest) :]
    except OSError:
        with suppress(OSError):
            os.ftruncate(file.fileno(), size)
        raise


def end_of_lines(file: BinaryIO) -> int:
    """Where the last whole line of an open file ends, in bytes."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - BLOCK)
        file.seek(start)
        if found := file.read(end - start).rfind(b"\n") + 1:
            return start + found
        end = start
    return 0
