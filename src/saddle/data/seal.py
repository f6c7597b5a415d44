"""Files of the cache that end in a digest of themselves, by which it is known that they are what was written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ..errors import Unwritten
from ..regular import open_to_read
from ..runs.folder import DRAFT, write
from .cache import locked

try:
    import fcntl  # noqa: F401 - is there a lock? Where there is none, somebody may be writing any draft

    LOCKS = True
except ImportError:
    LOCKS = False

SIZE = hashlib.sha256().digest_size
STEP = 1 << 20
LOCK = ".lock"


class Spoiled(Exception):
    """A file is not what was written."""


def write_sealed(file: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Let `fill` write a file that then appears whole, with its digest behind it, or not at all."""

    def sealed(draft: BinaryIO) -> None:
        fill(draft)
        draft.seek(0)
        digest = hashlib.file_digest(draft, "sha256").digest()  # type: ignore[arg-type]
        draft.seek(0, os.SEEK_END)
        draft.write(digest)

    with writing_in(file.parent):
        write(file, sealed)


def check(file: Path) -> int:
    """The bytes of a file's content, without its digest; Spoiled where this does not fit, or cannot be read."""
    digest = hashlib.sha256()
    try:
        with open_to_read(file) as stream:
            left = size = os.fstat(stream.fileno()).st_size - SIZE
            while left > 0 and (block := stream.read(min(STEP, left))):
                digest.update(block)
                left -= len(block)
            if size < 0 or stream.read() != digest.digest():
                raise Spoiled("it is not what was written")
    except (OSError, ValueError) as error:
        raise Spoiled(f"it cannot be read: {error}") from error
    return size


def content(file: Path) -> bytes:
    """All of a file that is small; raises as `check` does."""
    size = check(file)
    return file.read_bytes()[:size]


def made_again(file: Path, why: Spoiled) -> str:
    """A sentence on a file that is damaged."""
    return f"the cache's {file} is damaged ({why}) and is made again"


@contextmanager
def writing_in(folder: Path) -> Iterator[None]:
    """One process at a time, in a folder that is there, and without what killed ones left."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = locked(folder / LOCK)
    except OSError as error:
        raise Unwritten(f"{folder} cannot be written ({error.strerror}); SADDLE_CACHE names another cache") from error
    with lock:
        clear(folder)
        try:
            yield
        finally:
            with suppress(OSError):
                os.unlink(lock.name)


def tidy_drafts(folder: Path) -> None:
    """Clear away what killed processes left, unless somebody is writing just now."""
    if not LOCKS or not any(folder.glob(".*")):
        return
    with suppress(OSError), locked(folder / LOCK, wait=False) as lock:
        clear(folder)
        os.unlink(lock.name)


def clear(folder: Path) -> None:
    for left in folder.glob(f"{DRAFT}*") if LOCKS else ():
        left.unlink(missing_ok=True)
