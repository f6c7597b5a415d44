"""Where exported files go: whole or not at all, and over nothing that saddle has not made."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

from ..errors import require
from ..regular import open_to_read
from ..runs.writing import check_file_writable, make_parent, write_atomically

TAIL = 1 << 20  # bytes of a file's end in which what it says of itself begins
FACTS_FILE = "saddle.json"  # in an archive of torch's


def check_place(path: Path, ending: str, mark: str, way: Callable[[Path, str], bool]) -> None:
    """Raise Mistake, before there is any work, where a file of this ending cannot be written or another would be lost.

    `way` tells whether a file bears a mark.
    """
    require(path.suffix.lower() == ending, f"{path} does not end in {ending}")
    check_file_writable(path)
    own = not os.path.lexists(path) or (path.is_file() and not path.is_symlink() and way(path, mark))
    require(own, f"{path} is there already, and is no export of saddle's; name another place with --out")


def is_marked_at_end(path: Path, mark: str) -> bool:
    """Does a file bear the mark in its last bytes, where ONNX has what a model says of itself?"""
    with open_to_read(path) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL))
        return mark.encode() in file.read()


def is_marked_in_archive(path: Path, mark: str) -> bool:
    """Does a program of torch's bear the mark in the file that saddle puts into its archive?"""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(f"/{FACTS_FILE}")]
            return any(mark.encode() in archive.read(name) for name in names if archive.getinfo(name).file_size <= TAIL)
    except (zipfile.BadZipFile, OSError):
        return False


def write_whole(path: Path, content: bytes) -> None:
    """Write a file, and the folders that it lies in."""
    make_parent(path)
    write_atomically(path, lambda draft: draft.write(content))
