"""Pictures in files that hold many, zips and tars, read where they lie."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from PIL import Image

from ...errors import Mistake, format_count, require
from ...notices import Notify
from ..prepare import Prepare
from ..undecoded import DataSource, UndecodedImages
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
from .label_tables import LABEL_KEYWORDS, MAX_TABLE_BYTES, find_label_table
from .sample_files import SampleFiles

MAX_UNPACKED_BYTES = 1 << 28  # bytes that one picture may unpack to


@dataclass(frozen=True, eq=False)
class Archive:
    """Files by plain path, in the order in which they are used, and how one is read."""

    path: str  # what sentences call it
    name: str  # of the data
    folders: tuple[Path, ...]  # beside it, in which a table is looked for
    cache_key: tuple[object, ...]
    sizes: Mapping[str, int]  # bytes of each file, unpacked
    read: Callable[[str, int], bytes]  # so many bytes of one, from its beginning
    locked: Collection[str] = ()  # those that nobody can read without a password

    def read_whole(self, name: str, most: int) -> bytes:
        """All of a file; raises Mistake for one that would fill the memory or that has a password."""
        size = self.sizes[name]
        require(size <= most, f"it would unpack to {size / 2**30:.1f} GiB")
        require(name not in self.locked, "it is locked by a password")
        return self.read(name, size)

    def read_text(self, name: str) -> bytes:
        """The bytes of a table or a dataset.json; raises Mistake where they are damaged."""
        try:
            return self.read_whole(name, MAX_TABLE_BYTES)
        except Exception as error:  # a damaged file can fail in any way
            raise Mistake(f"{name} cannot be read: {error or type(error).__name__}") from error


def archive_source(archive: Archive, part: str | None, prepare: Prepare, say: Notify) -> DataSource:
    """The pictures in an archive; raises Mistake for one that holds none, or none that can be read."""
    may, others = usable_files(archive)
    samples, pictures = SampleFiles(archive.path, others, archive.read_text), may
    if samples.found(may):
        pictures = samples.one_picture_each(may, say)

    def inside(name: str) -> Callable[[], bytes] | None:
        plain, deep = plain_path(name), [path for path in others if path.endswith(f"/{name}")]
        name = deep[0] if plain not in archive.sizes and len(deep) == 1 else plain
        return (lambda: archive.read_text(name)) if name in archive.sizes else None

    def open_(say: Notify) -> UndecodedImages:
        def start(i: int) -> bytes:
            return archive.read(pictures[i], min(HEADER_BYTES, archive.sizes[pictures[i]]))

        def read(i: int) -> Image.Image:
            return open_image(BytesIO(archive.read_whole(pictures[i], MAX_UNPACKED_BYTES)), pictures[i])

        json = find_stylegan_json(archive.sizes) if labels is None else None
        content = inside(json) if json else None
        files = ImageFiles(archive.name, pictures, start, read, (json, content) if json and content else None)
        own = samples if labels is None and json is None and samples.have_labels() else None
        return undecoded_from_files(files, part, table or own or labels, prepare.frames, say)

    labels = prepare.labels
    table = (
        None
        if labels is None or labels in LABEL_KEYWORDS
        else find_label_table(labels, archive.folders, inside, others)
    )
    told = {*caption_files(prepare.captions, may, others), *(samples.label_files if labels is None else ())}
    report_left_out(archive.path, [name for name in others if name not in told], table, say)
    cache_key = (*archive.cache_key, part, prepare.frames, table and table.cache_key)
    captions = Beside(archive.name, archive.folders, others, inside).captions
    return DataSource(archive.name, cache_key, open_, captions=captions)


def plain_path(name: str) -> str:
    """A file's path as folders have it: `a/b.png` for `./a/b.png`, `/a/b.png` and `a\\b.png`."""
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))


def usable_files(archive: Archive) -> tuple[list[str], list[str]]:
    """The files that may be pictures, and the others; raises Mistake where no picture can be among them."""
    may, others = split_candidates(archive.sizes)
    inner = [name for name in others if name.lower().endswith(ARCHIVE_ENDINGS)]
    if not may and inner:
        raise Mistake(f"{archive.path} holds no pictures but {format_count(len(inner), 'archive')}, such as "
                      f"{inner[0]}: unpack it, and name one of them")  # fmt: skip
    require(bool(may), f"{archive.path} holds no pictures{describe_others(others)}")
    locked = all(name in archive.locked for name in may)
    require(not locked, f"{archive.path} is locked by a password; unpack it, and name the folder")
    return may, others


def describe_others(others: Iterable[str]) -> str:
    others = list(others)
    return f", only {describe_files(others).rpartition(' ')[0]}" if others else ""
