"""A zip of pictures, read where it lies."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image

from ...errors import Mistake, format_count, require
from ...notices import Notify
from ..prepare import Prepare
from ..undecoded import DataSource, UndecodedImages, files_cache_key
from .caption_files import Beside, caption_files
from .image_files import (
    ImageFiles,
    describe_files,
    find_stylegan_json,
    report_left_out,
    split_candidates,
    undecoded_from_files,
)
from .image_formats import ARCHIVE_ENDINGS, HEADER_BYTES, open_image
from .label_tables import LABEL_KEYWORDS, find_label_table

MAX_UNPACKED_BYTES = 1 << 28  # bytes that one picture may unpack to


def archive_source(path: Path, part: str | None, prepare: Prepare, say: Notify) -> DataSource:
    """The pictures in a zip, in the order of their names; raises Mistake for an empty, locked or broken one."""
    file = open_zip(path)
    try:
        entries, twice = entries_by_path(file)
        may, others = usable_entries(path, entries)
    except Mistake:
        file.close()
        raise
    if twice:
        say(f"{path}: {format_count(twice, 'name')} twice in it, of which the last is used")

    def inside(name: str) -> Callable[[], bytes] | None:
        plain, deep = plain_path(name), [path for path in others if path.endswith(f"/{name}")]
        name = deep[0] if plain not in entries and len(deep) == 1 else plain
        return (lambda: read_text_entry(file, entries[name])) if name in entries else None

    def open_(say: Notify) -> UndecodedImages:
        def start(i: int) -> bytes:
            with file.open(entries[may[i]]) as stream:
                return stream.read(HEADER_BYTES)

        def read(i: int) -> Image.Image:
            return open_image(BytesIO(read_entry_bytes(file, entries[may[i]])), may[i])

        json = find_stylegan_json(entries) if labels is None else None
        content = inside(json) if json else None
        files = ImageFiles(path.name, may, start, read, (json, content) if json and content else None)
        return undecoded_from_files(files, part, table or labels, prepare.frames, say)

    labels = prepare.labels
    table = (
        None if labels is None or labels in LABEL_KEYWORDS else find_label_table(labels, [path.parent], inside, others)
    )
    told = caption_files(prepare.captions, may, others)
    report_left_out(str(path), [name for name in others if name not in told], table, say)
    cache_key = (*files_cache_key(path), part, prepare.frames, table and table.cache_key)
    captions = Beside(path.stem, (path.parent,), others, inside).captions
    return DataSource(path.stem, cache_key, open_, captions=captions)


def open_zip(path: Path) -> zipfile.ZipFile:
    """The archive, which stays open as long as somebody may read from it; raises Mistake for a broken one."""
    try:
        return zipfile.ZipFile(path)
    except Exception as error:  # a damaged directory can fail in any way
        raise Mistake(f"{path} is no zip that can be read: {error or type(error).__name__}") from error


def entries_by_path(file: zipfile.ZipFile) -> tuple[dict[str, zipfile.ZipInfo], int]:
    """Entries by plain paths, in their order, and how many names stand twice: of those the last counts."""
    files = [entry for entry in file.infolist() if plain_path(entry.filename) and entry.filename[-1] not in "/\\"]
    entries = {plain_path(entry.filename): entry for entry in files}
    return dict(sorted(entries.items())), len(files) - len(entries)


def plain_path(name: str) -> str:
    """An entry's path as folders have it: `a/b.png` for `./a/b.png`, `/a/b.png` and `a\\b.png`."""
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))


def usable_entries(path: Path, entries: dict[str, zipfile.ZipInfo]) -> tuple[list[str], list[str]]:
    """The entries that may be pictures, and the others; raises Mistake where no picture can be among them."""
    may, others = split_candidates(entries)
    inner = [name for name in others if name.lower().endswith(ARCHIVE_ENDINGS)]
    if not may and inner:
        raise Mistake(f"{path} holds no pictures but {format_count(len(inner), 'archive')}, such as {inner[0]}: unpack "
                      "it, and name one of them")  # fmt: skip
    if not may:
        raise Mistake(
            f"{path} holds no pictures{', only ' + describe_files(others).rpartition(' ')[0] if others else ''}"
        )
    locked = all(entries[name].flag_bits & 1 for name in may)
    require(not locked, f"{path} is locked by a password; unpack it, and name the folder")
    return may, others


def read_text_entry(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of a table or a dataset.json; raises Mistake where they are damaged."""
    try:
        return read_entry_bytes(file, entry)
    except Exception as error:  # a damaged entry can fail in any way
        raise Mistake(f"{entry.filename} cannot be read: {error or type(error).__name__}") from error


def read_entry_bytes(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """The bytes of one entry; raises Mistake for one that would fill the memory or that has a password."""
    require(entry.file_size <= MAX_UNPACKED_BYTES, f"it would unpack to {entry.file_size / 2**30:.1f} GiB")
    require(not entry.flag_bits & 1, "it is locked by a password")
    return file.read(entry)
