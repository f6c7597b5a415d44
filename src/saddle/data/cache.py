"""Decoded pictures, kept on disk: read once, memory-mapped ever after; an entry is whole or it is not there."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..core import Shape
from ..errors import Failure, Mistake, Unwritten
from .decode import Rows, decoded
from .pile import Labels, Pile, Say, Source
from .pixels import Pixels
from .prepare import Prepare

try:
    import fcntl
except ImportError:  # not on Windows: there two processes may both do the work, and one of them throws its own away
    fcntl = None  # type: ignore[assignment]

FORM = 1  # of the entries; another number lets old ones lie
NAMED = 5  # unreadable files that a refusal names


@dataclass(frozen=True, eq=False)
class Entry:
    """What the cache keeps of a source."""

    pixels: Pixels  # (n, height, width, channels), memory-mapped
    labels: Labels | None
    classes: tuple[str, ...]
    digest: str  # of the pixels and labels
    said: tuple[str, ...]  # sentences about the source, among them each file that was skipped


def home() -> Path:
    """The folder of the cache: SADDLE_CACHE, or saddle/ in the user's cache folder."""
    if own := os.environ.get("SADDLE_CACHE"):
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "saddle"


def cached(source: Source, prepare: Prepare, say: Say, folder: Path | None = None) -> Entry:
    """The source's pictures, from the cache or read into it; raises Mistake where too few of them can be read."""
    folder = home() if folder is None else folder
    options = (prepare.size, prepare.crop, prepare.channels, prepare.limit, prepare.labels)
    key = hashlib.blake2b(repr((FORM, source.stamp, options)).encode("utf-8", "replace"), digest_size=10).hexdigest()
    place = folder / f"{re.sub('[^a-z0-9]+', '-', source.name.lower()).strip('-') or 'data'}-{key}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with nullcontext() if place.exists() else alone(place):
            if not place.exists():
                build(place, source, prepare, say)
                return entry(place)
    except OSError as error:
        raise Unwritten(
            f"the cache {folder} cannot be written ({error.strerror}); the variable SADDLE_CACHE names another"
        ) from error
    known = entry(place)
    for sentence in known.said:
        say(sentence)
    return known


def entry(place: Path) -> Entry:
    """The entry that lies there; raises Failure where somebody has damaged it."""
    try:
        facts = json.loads((place / "facts.json").read_text(encoding="utf-8"))
        labels = np.load(place / "labels.npy") if facts["labelled"] else None
        pixels = np.asarray(np.load(place / "pixels.npy", mmap_mode="r"))
    except (OSError, EOFError, ValueError, KeyError) as error:
        raise Failure(f"the cache's {place} is damaged ({error}); delete it, and it is made again") from error
    return Entry(pixels, labels, tuple(facts["classes"]), facts["digest"], tuple(facts["said"]))


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """One process at a time for this entry: the others wait and find it made."""
    with place.with_name(f".{place.name}.lock").open("w") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
            for left in place.parent.glob(
                f".{place.name}.part-*"
            ):  # by a process that was killed: nobody else can be here
                shutil.rmtree(left, ignore_errors=True)
        try:
            yield
        finally:
            with suppress(OSError):  # somebody who waits for it holds a file without a name; at worst both do the work
                os.unlink(file.name)


def build(place: Path, source: Source, prepare: Prepare, say: Say) -> None:
    """Read the source into a folder beside, and give it its name when it is whole."""
    said: list[str] = []

    def note(sentence: str) -> None:
        said.append(sentence)
        say(sentence)

    part = place.with_name(f".{place.name}.part-{os.getpid()}")
    try:
        part.mkdir()
        pile = unread(source, note).limited(prepare.limit)
        write(part, pile, prepare, note, said)
        with suppress(OSError):  # another process was faster, and its entry is the same
            part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def unread(source: Source, note: Say) -> Pile:
    """The source's pile; raises Mistake where its files cannot be read."""
    try:
        return source.open(note)
    except OSError as error:
        raise Mistake(f"{source.name} cannot be read: {error.strerror or error}") from error


def write(part: Path, pile: Pile, prepare: Prepare, note: Say, said: list[str]) -> None:
    """All files of an entry."""
    shape, rows = decoded(pile, prepare)
    digest = hashlib.blake2b(digest_size=16)
    with (part / "pixels.npy").open("wb") as file, closing(rows):
        places = poured(rows, file, shape, digest, pile, note)
        file.flush()
        os.fsync(file.fileno())
    labels = None if pile.labels is None else pile.labels[places]
    if labels is not None:
        digest.update(labels.tobytes())
        np.save(part / "labels.npy", labels)
    facts = {"classes": pile.classes, "labelled": labels is not None, "digest": digest.hexdigest(), "said": said}
    (part / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


def poured(
    rows: Iterator[Rows], file: BinaryIO, shape: Shape, digest: hashlib.blake2b, pile: Pile, note: Say
) -> list[int]:
    """Write the pixels as a .npy whose length is known only at the end; the places in the pile that were read.

    Written, not mapped: on a full disk a write fails with a reason, where a mapping kills the process.
    """
    header(file, 0, shape)
    places: list[int] = []
    refused: list[str] = []
    for block in rows:
        file.write(block.pixels.data)
        digest.update(block.pixels.data)
        places += block.places
        for place, why in block.refused:
            refused.append(f"{pile.keys[place]} is skipped: {why}")
            note(refused[-1])
    enough(len(places), refused)
    file.seek(0)
    header(file, len(places), shape)
    return places


def header(file: BinaryIO, count: int, shape: Shape) -> None:
    """The beginning of a .npy: as long for any count, so that it can be written again."""
    facts = {"descr": "|u1", "fortran_order": False, "shape": (count, shape.height, shape.width, shape.channels)}
    np.lib.format.write_array_header_1_0(file, facts)


def enough(read: int, refused: list[str]) -> None:
    """Raise Mistake where fewer than two pictures, or fewer than half of them, could be read."""
    total = read + len(refused)
    if total < 2 and not refused:
        raise Mistake(f"two pictures at least are needed, and there is {'only one' if total else 'none'}")
    if read < 2 or read < len(refused):
        first = "; ".join(refused[:NAMED])
        raise Mistake(f"only {read:,} of {total:,} pictures are usable; half, and two at least, are needed: {first}")
