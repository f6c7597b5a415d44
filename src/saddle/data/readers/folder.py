"""A folder of pictures, and of folders of pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from ...errors import Mistake
from ...notices import Notify
from ...regular import open_to_read, read_whole
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
from .image_formats import HEADER_BYTES, open_image
from .label_tables import LABEL_KEYWORDS, MAX_TABLE_BYTES, find_by_name, find_label_table
from .walk import FolderWalk, is_made_by_saddle


def folder_source(path: Path, walked: FolderWalk, part: str | None, prepare: Prepare, say: Notify) -> DataSource:
    """The pictures below a folder, in the order of their paths; raises Mistake where there are none.

    `say` gets a sentence for each kind of thing in it that is passed over.
    """
    check_not_made_by_saddle(path)
    there = {file.name: file for file in walked.files}
    may, others = split_candidates(there)
    for sentence in walked.describe_skipped():
        say(sentence)
    if not may:
        raise Mistake(f"{path} holds no pictures{describe_content(walked, others)}")
    labels = prepare.labels
    table = None
    if labels is not None and labels not in LABEL_KEYWORDS:
        deep = [path / Path(name).parent for name in find_by_name(labels, others)]
        table = find_label_table(labels, [path, path.parent, *deep], lambda name: None, others)
    told = caption_files(prepare.captions, may, others)
    report_left_out(str(path), [name for name in others if name not in told], table, say)
    json = find_stylegan_json(there) if labels is None else None
    stamped = [there[name] for name in [*may, *([json] if json else [])]]
    facts = repr((str(path.resolve()), stamped)).encode("utf-8", "surrogateescape")
    digest = hashlib.blake2b(facts, digest_size=16).hexdigest()

    def start(i: int) -> bytes:
        with open_to_read(path / may[i]) as file:
            return file.read(HEADER_BYTES)

    def read(i: int) -> Image.Image:
        return open_image(path / may[i])

    def content() -> bytes:
        try:
            return read_whole(path / (json or ""), MAX_TABLE_BYTES)
        except OSError as error:
            raise Mistake(f"it cannot be read: {error.strerror}") from error

    def open_(say: Notify) -> UndecodedImages:
        name = printable_name(path.resolve().name) or str(path)
        files = ImageFiles(name, [printable_name(name) for name in may], start, read, (json, content) if json else None)
        return undecoded_from_files(files, part, table or labels, prepare.frames, say)

    def beside(name: str) -> Callable[[], bytes] | None:
        return (lambda: read_whole(path / name, MAX_TABLE_BYTES)) if name in others else None

    captions = Beside(path.resolve().name, (path, path.parent), others, beside).captions
    cache_key = (digest, part, prepare.frames, table and table.cache_key)
    return DataSource(path.resolve().name, cache_key, open_, captions=captions)


def check_not_made_by_saddle(path: Path) -> None:
    """Raise Mistake for a folder that is itself a run or a sweep."""
    if is_made_by_saddle(path):
        raise Mistake(f"{path} was made by saddle and is no data; a folder of a run's samples is, as made by "
                      "`saddle sample RUN -n 1000 --out FOLDER`")  # fmt: skip


def describe_content(walked: FolderWalk, others: list[str]) -> str:
    """What a folder without pictures holds."""
    packed = [name for name in others if name.lower().endswith((".zip", ".npz", ".npy"))]
    packed.sort(key=lambda name: (name.count("/"), name))  # those that lie nearest
    if packed:
        return f", but {', '.join(packed[:5])}; name the one that is meant: {walked.root / packed[0]}"
    what = ([f"{len(walked.outside):,} links out of it (--follow-links follows them)"] if walked.outside else []) + (
        [f"{len(walked.made):,} folders that saddle made"] if walked.made else []) + (
        [describe_files(others).rpartition(" ")[0]] if others else [])  # fmt: skip
    return f", only {' and '.join(what)}" if what else ""


def printable_name(name: str) -> str:
    """A file's name as it can be written anywhere: bytes that are no UTF-8 become question marks."""
    return name.encode("utf-8", "replace").decode()
