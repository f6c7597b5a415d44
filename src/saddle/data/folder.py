"""A folder of pictures, and of folders of pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path

from PIL import Image

from ..errors import Mistake
from ..regular import open_to_read, read_whole
from .formats import START, opened
from .gathered import Files, candidates, counted, find_json, left_out, piled
from .pile import Pile, Say, Source
from .prepare import Prepare
from .tables import LARGEST, WORDS, found, lying
from .walk import Walk, made_by_saddle


def folder(path: Path, walked: Walk, part: str | None, prepare: Prepare, say: Say) -> Source:
    """The pictures below a folder, in the order of their paths; raises Mistake where there are none.

    `say` gets a sentence for each kind of thing in it that is passed over.
    """
    refuse_made(path)
    there = {file.name: file for file in walked.files}
    may, others = candidates(there)
    for sentence in walked.sentences():
        say(sentence)
    if not may:
        raise Mistake(f"{path} holds no pictures{instead(walked, others)}")
    labels = prepare.labels
    table = None
    if labels is not None and labels not in WORDS:
        deep = [path / Path(name).parent for name in lying(labels, others)]
        table = found(labels, [path, path.parent, *deep], lambda name: None, others)
    left_out(str(path), others, table, say)
    json = find_json(there) if labels is None else None
    stamped = [there[name] for name in [*may, *([json] if json else [])]]
    facts = repr((str(path.resolve()), stamped)).encode("utf-8", "surrogateescape")
    digest = hashlib.blake2b(facts, digest_size=16).hexdigest()

    def start(i: int) -> bytes:
        with open_to_read(path / may[i]) as file:
            return file.read(START)

    def read(i: int) -> Image.Image:
        return opened(path / may[i])

    def content() -> bytes:
        try:
            return read_whole(path / (json or ""), LARGEST)
        except OSError as error:
            raise Mistake(f"it cannot be read: {error.strerror}") from error

    def open_(say: Say) -> Pile:
        name = printable(path.resolve().name) or str(path)
        files = Files(name, [printable(name) for name in may], start, read, (json, content) if json else None)
        return piled(files, part, table or labels, prepare.frames, say)

    return Source(path.resolve().name, (digest, part, prepare.frames, table and table.stamp), open_)


def refuse_made(path: Path) -> None:
    """Raise Mistake for a folder that is itself a run or a sweep."""
    if made_by_saddle(path):
        raise Mistake(f"{path} was made by saddle and is no data; a folder of a run's samples is, as made by "
                      "`saddle sample RUN -n 1000 --out FOLDER`")  # fmt: skip


def instead(walked: Walk, others: list[str]) -> str:
    """What a folder without pictures holds."""
    packed = [name for name in others if "/" not in name and name.lower().endswith((".zip", ".npz", ".npy"))]
    if packed:
        return f", but {', '.join(packed[:5])}; name the one that is meant: {walked.root / packed[0]}"
    what = ([f"{len(walked.outside):,} links out of it (--follow-links follows them)"] if walked.outside else []) + (
        [f"{len(walked.made):,} folders that saddle made"] if walked.made else []) + (
        [counted(others).rpartition(" ")[0]] if others else [])  # fmt: skip
    return f", only {' and '.join(what)}" if what else ""


def printable(name: str) -> str:
    """A file's name as it can be written anywhere: bytes that are no UTF-8 become question marks."""
    return name.encode("utf-8", "replace").decode()
