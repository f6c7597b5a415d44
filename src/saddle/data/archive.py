"""A zip of pictures, read where it lies."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image

from ..errors import Mistake, plural, require
from .formats import PACKED, START, opened
from .gathered import Files, candidates, counted, find_json, left_out, piled
from .pile import Pile, Say, Source, stamp
from .prepare import Prepare
from .tables import WORDS, found, lying

LARGEST = 1 << 28  # bytes that one picture may unpack to


def archive(path: Path, part: str | None, prepare: Prepare, say: Say) -> Source:
    """The pictures in a zip, in the order of their names; raises Mistake for an empty, locked or broken one."""
    file = open_zip(path)
    try:
        entries, twice = named(file)
        may, others = usable(path, entries)
    except Mistake:
        file.close()
        raise
    if twice:
        say(f"{path}: {plural(twice, 'name')} twice in it, of which the last is used")

    def inside(name: str) -> Callable[[], bytes] | None:
        name = next(iter(lying(name, others)), plain(name)) if plain(name) not in entries else plain(name)
        return (lambda: text_of(file, entries[name])) if name in entries else None

    def open_(say: Say) -> Pile:
        def start(i: int) -> bytes:
            with file.open(entries[may[i]]) as stream:
                return stream.read(START)

        def read(i: int) -> Image.Image:
            return opened(BytesIO(unpacked(file, entries[may[i]])), may[i])

        json = find_json(entries) if labels is None else None
        content = inside(json) if json else None
        files = Files(path.name, may, start, read, (json, content) if json and content else None)
        return piled(files, part, table or labels, prepare.frames, say)

    labels = prepare.labels
    table = None if labels is None or labels in WORDS else found(labels, [path.parent], inside, others)
    left_out(str(path), others, table, say)
    return Source(path.stem, (*stamp(path), part, prepare.frames, table and table.stamp), open_)


def open_zip(path: Path) -> zipfile.ZipFile:
    """The archive, which stays open as long as somebody may read from it; raises Mistake for a broken one."""
    try:
        return zipfile.ZipFile(path)
    except Exception as error:  # a damaged directory can fail in any way
        raise Mistake(f"{path} is no zip that can be read: {error or type(error).__name__}") from error


def named(file: zipfile.ZipFile) -> tuple[dict[str, zipfile.ZipInfo], int]:
    """Entries by plain paths, in their order, and how many names stand twice: of those the last counts."""
    files = [entry for entry in file.infolist() if plain(entry.filename) and entry.filename[-1] not in "/\\"]
    entries = {plain(entry.filename): entry for entry in files}
    return dict(sorted(entries.items())), len(files) - len(entries)


def plain(name: str) -> str:
    """An entry's path as folders have it: `a/b.png` for `./a/b.png`, `/a/b.png` and `a\\b.png`."""
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))


def usable(path: Path, entries: dict[str, zipfile.ZipInfo]) -> tuple[list[str], list[str]]:
    """The entries that may be pictures, and the others; raises Mistake where no picture can be among them."""
    may, others = candidates(entries)
    inner = [name for name in others if name.lower().endswith(PACKED)]
    if not may and inner:
        raise Mistake(f"{path} holds no pictures but {plural(len(inner), 'archive')}, such as {inner[0]}: unpack it, "
                      "and name one of them")  # fmt: skip
    if not may:
        raise Mistake(f"{path} holds no pictures{', only ' + counted(others).rpartition(' ')[0] if others else ''}")
    locked = all(entries[name].flag_bits & 1 for name in may)
    require(not locked, f"{path} is locked by a password; unpack it, and name the folder")
    return may, others


def text_of(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of a table or a dataset.json; raises Mistake where they are damaged."""
    try:
        return unpacked(file, entry)
    except Exception as error:  # a damaged entry can fail in any way
        raise Mistake(f"{entry.filename} cannot be read: {error or type(error).__name__}") from error


def unpacked(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of one entry; raises Mistake for one that would fill the memory or that has a password."""
    require(entry.file_size <= LARGEST, f"it would unpack to {entry.file_size / 2**30:.1f} GiB")
    require(not entry.flag_bits & 1, "it is locked by a password")
    return file.read(entry)
