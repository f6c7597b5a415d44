"""A zip of pictures, read where it lies."""

from __future__ import annotations

import weakref
import zipfile
from pathlib import Path

from ...errors import Mistake, format_count
from ...notices import Notify
from ..prepare import Prepare
from ..undecoded import DataSource, files_cache_key
from .archive import Archive, archive_source, plain_path


def zip_source(path: Path, part: str | None, prepare: Prepare, say: Notify) -> DataSource:
    """The pictures in a zip, in the order of their names; raises Mistake for an empty, locked or broken one."""
    file = open_zip(path)
    try:
        return archive_source(zip_archive(path, file, say), part, prepare, say)
    except Mistake:
        file.close()
        raise


def open_zip(path: Path) -> zipfile.ZipFile:
    """The archive, which stays open as long as somebody may read from it; raises Mistake for a broken one."""
    try:
        return zipfile.ZipFile(path)
    except Exception as error:  # a damaged directory can fail in any way
        raise Mistake(f"{path} is no zip that can be read: {error or type(error).__name__}") from error


def zip_archive(path: Path, file: zipfile.ZipFile, say: Notify) -> Archive:
    """Its entries by plain paths; of a name that stands twice the last counts."""
    files = [entry for entry in file.infolist() if plain_path(entry.filename) and entry.filename[-1] not in "/\\"]
    entries = dict(sorted({plain_path(entry.filename): entry for entry in files}.items()))
    if twice := len(files) - len(entries):
        say(f"{path}: {format_count(twice, 'name')} twice in it, of which the last is used")

    def read(name: str, count: int) -> bytes:
        with file.open(entries[name]) as stream:
            return stream.read(count) if count < entries[name].file_size else stream.read()

    sizes = {name: entry.file_size for name, entry in entries.items()}
    weakref.finalize(read, file.close)  # before the file itself, in a cycle of garbage, complains of being open
    locked = {name for name, entry in entries.items() if entry.flag_bits & 1}
    return Archive(str(path), path.stem, (path.parent,), files_cache_key(path), sizes, read, locked)
