"""Files of the cache that end in a digest of themselves, by which it is known that they are what was written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from ...errors import WriteFailure
from ...notices import warn_on_stderr
from ...regular import open_to_read
from ...runs.writing import DRAFT_PREFIX, write_atomically
from .store import NoLocks, open_locked
from .usage import keep_to_limit, mark_used

try:
    import fcntl  # noqa: F401 - is there a lock? Where there is none, somebody may be writing any draft

    HAS_LOCKS = True
except ImportError:
    HAS_LOCKS = False

DIGEST_BYTES = hashlib.sha256().digest_size
READ_BYTES = 1 << 20
LOCK_NAME = ".lock"


class DamagedFile(Exception):
    """A file is not what was written."""


def write_sealed(file: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Let `fill` write a file that then appears whole, with its digest behind it, or not at all."""

    def sealed(draft: BinaryIO) -> None:
        fill(draft)
        draft.seek(0)
        digest = hashlib.file_digest(draft, "sha256").digest()  # type: ignore[arg-type]
        draft.seek(0, os.SEEK_END)
        draft.write(digest)

    with locked_folder(file.parent):
        write_atomically(file, sealed)
    keep_to_limit(file.parent.parent, file, warn_on_stderr)


def check_sealed(file: Path) -> int:
    """The bytes of a file's content, without its digest; Spoiled where this does not fit, or cannot be read."""
    digest = hashlib.sha256()
    try:
        with open_to_read(file) as stream:
            left = size = os.fstat(stream.fileno()).st_size - DIGEST_BYTES
            while left > 0 and (block := stream.read(min(READ_BYTES, left))):
                digest.update(block)
                left -= len(block)
            if size < 0 or stream.read() != digest.digest():
                raise DamagedFile("it is not what was written")
    except (OSError, ValueError) as error:
        raise DamagedFile(f"it cannot be read: {error}") from error
    mark_used(file)
    return size


def read_sealed(file: Path) -> bytes:
    """All of a file that is small; raises as `check` does."""
    size = check_sealed(file)
    return file.read_bytes()[:size]


def describe_rebuild(file: Path, why: DamagedFile) -> str:
    """A sentence on a file that is damaged."""
    return f"the cache's {file} is damaged ({why}) and is made again"


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """One process at a time, in a folder that is there, and without what killed ones left."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock: TextIO | None = open_locked(folder / LOCK_NAME)
    except NoLocks:
        lock = None  # each file appears whole all the same
    except OSError as error:
        raise WriteFailure(
            f"{folder} cannot be written ({error.strerror}); SADDLE_CACHE names another cache"
        ) from error
    if lock is None:
        yield
        return
    with lock:
        remove_drafts(folder)
        try:
            yield
        finally:
            with suppress(OSError):
                os.unlink(lock.name)


def remove_stale_drafts(folder: Path) -> None:
    """Clear away what killed processes left, unless somebody is writing just now."""
    if not HAS_LOCKS or not any(folder.glob(".*")):
        return
    with suppress(OSError), open_locked(folder / LOCK_NAME, wait=False) as lock:
        remove_drafts(folder)
        os.unlink(lock.name)


def remove_drafts(folder: Path) -> None:
    for left in folder.glob(f"{DRAFT_PREFIX}*") if HAS_LOCKS else ():
        left.unlink(missing_ok=True)
