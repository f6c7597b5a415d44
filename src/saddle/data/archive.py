"""A zip of pictures, read where it lies."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image

from ..errors import Mistake, require
from .layout import arranged, picture
from .pile import Pile, Say, Source, stamp
from .pixels import opened
from .tables import found

LARGEST = 1 << 28  # bytes that one picture may unpack to


def archive(path: Path, part: str | None = None, labels: str | None = None) -> Source:
    """The pictures in a zip, in the order of their names; raises Mistake for an empty or broken one."""
    try:
        file = zipfile.ZipFile(path)  # stays open as long as somebody may read from it
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise Mistake(f"{path} is no zip that can be read: {error}") from error
    entries = sorted((e for e in file.infolist() if not e.is_dir() and picture(e.filename)), key=lambda e: e.filename)
    if not entries:
        file.close()
        raise Mistake(f"{path} holds no pictures")

    def inside(name: str) -> Callable[[], bytes] | None:
        return (lambda: file.read(name)) if name in file.namelist() else None

    def read(i: int) -> Image.Image:
        return opened(BytesIO(unpacked(file, entries[i])))

    def open_(say: Say) -> Pile:
        return arranged(path.name, [e.filename for e in entries], read, part, table, say)

    table = None if labels is None else found(labels, [path.parent], inside)
    return Source(path.stem, (*stamp(path), part, table and table.stamp), open_)


def unpacked(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of one picture; raises Mistake for one that would fill the memory or that has a password."""
    require(entry.file_size <= LARGEST, f"it would unpack to {entry.file_size / 2**30:.1f} GiB")
    require(not entry.flag_bits & 1, "it is locked by a password")
    return file.read(entry)
