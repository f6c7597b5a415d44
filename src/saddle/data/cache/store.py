"""Decoded pictures, kept on disk: read once, memory-mapped ever after; an entry is whole or it is not there."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from ...errors import Mistake, WriteFailure
from ...notices import Notify
from ..prepare import Prepare
from ..undecoded import ColumnsCheck, DataSource, UndecodedImages
from .entry import CacheEntry, DamagedEntry, read_entry, write_entry
from .location import cache_home
from .usage import keep_to_limit, mark_used

try:
    import fcntl
except ImportError:  # not on Windows: there two processes may both do the work, and one of them throws its own away
    fcntl = None  # type: ignore[assignment]

WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)  # what disks say of locks
ENTRY_FORMAT = 2  # of the entries; another number lets old ones lie


class NoLocks(OSError):
    """This disk has no locks, as some of networks: two processes may do the same work, and one throws its own away."""


def load_or_build_entry(
    source: DataSource, prepare: Prepare, say: Notify, folder: Path | None, suits: ColumnsCheck
) -> CacheEntry:
    """The source's pictures, from the cache or read into it; raises Mistake where too few of them can be read."""
    folder = cache_home() if folder is None else folder
    place = folder / entry_name(source, prepare)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        known = read_if_valid(place, say, prepare)
        if known is None:
            with locked_entry(place):
                known = read_if_valid(place, lambda sentence: None, prepare)
                if known is None:
                    remove_entry(place)
                    build_entry(place, source, prepare, say, suits)
                    keep_to_limit(folder, place, say)
                    return read_entry(place)
    except OSError as error:
        raise WriteFailure(
            f"the cache {folder} cannot be written ({error.strerror}); the variable SADDLE_CACHE names another"
        ) from error
    except DamagedEntry as error:
        raise WriteFailure(f"the cache's {place} was damaged while it was written: {error}") from error
    mark_used(place)
    for sentence in known.said:
        say(sentence)
    return known


def entry_name(source: DataSource, prepare: Prepare) -> str:
    """What an entry is called: by the source's name, its place and state on the disk, and how it is made ready."""
    options = replace(prepare, flip=False)  # images are mirrored when they are shown; captions are not kept
    facts = (ENTRY_FORMAT, source.cache_key, options, *sorted(prepare.left_out))
    key = hashlib.blake2b(repr(facts).encode("utf-8", "replace"), digest_size=10).hexdigest()
    return f"{re.sub('[^a-z0-9]+', '-', source.name.lower()).strip('-')[:60] or 'data'}-{key}"


def read_if_valid(place: Path, say: Notify, prepare: Prepare) -> CacheEntry | None:
    """The entry that lies there, if one does, nobody has damaged it, and it has what this way of decoding needs."""
    if not place.exists():
        return None
    try:
        entry = read_entry(place)
        lacks = {"auto": False, "once": entry.pixels is None, "on-the-fly": entry.places is None}
        return None if lacks[prepare.decode] else entry
    except DamagedEntry as error:
        say(f"the cache's {place} is damaged ({error}) and is made again")
        return None


def remove_entry(place: Path) -> None:
    """Remove an entry in one step: whoever has it mapped keeps it, and nobody finds half of it."""
    if place.exists():
        away = place.with_name(f".{place.name}.part-{os.getpid()}-old")
        place.rename(away)
        shutil.rmtree(away, ignore_errors=True)


@contextmanager
def locked_entry(place: Path) -> Iterator[None]:
    """One process at a time for this entry: the others wait and find it made."""
    try:
        lock: TextIO | None = open_locked(place.with_name(f".{place.name}.lock"))
    except NoLocks:
        lock = None
    if lock is None:
        yield  # and nothing is cleared away: others may be writing it
        return
    with lock as file:
        for left in place.parent.glob(f".{place.name}.part-*"):  # by a process that was killed: nobody else can be here
            shutil.rmtree(left, ignore_errors=True)
        try:
            yield
        finally:
            with suppress(OSError):
                os.unlink(file.name)


def open_locked(path: Path, wait: bool = True) -> TextIO:
    """The file, opened and locked, and still the one of that name; BlockingIOError where another has it.

    Raises NoLocks where the disk has no locks.
    """
    while True:
        file = path.open("a")
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except FileNotFoundError:  # who had it before has removed it
            pass
        except OSError as error:
            file.close()
            if error.errno in WITHOUT_LOCKS:
                raise NoLocks(error.errno, error.strerror) from error
            raise
        except BaseException:
            file.close()
            raise
        file.close()


def remove_leftovers(folder: Path) -> None:
    """Clear away what killed processes left of any entry: nobody holds its lock."""
    if fcntl is None:
        return
    left = {path.name[1:].rpartition(".part-" if ".part-" in path.name else ".lock")[0]
            for path in folder.glob(".*-*") if ".part-" in path.name or path.name.endswith(".lock")}  # fmt: skip
    for name in left:
        with suppress(OSError), open_locked(folder / f".{name}.lock", wait=False) as file:
            for part in folder.glob(f".{name}.part-*"):
                shutil.rmtree(part, ignore_errors=True)
            os.unlink(file.name)


def build_entry(place: Path, source: DataSource, prepare: Prepare, say: Notify, suits: ColumnsCheck) -> None:
    """Read the source into a folder beside, and give it its name when it is whole."""
    said: list[str] = []

    def note(sentence: str) -> None:
        said.append(sentence)
        say(sentence)

    part = place.with_name(f".{place.name}.part-{os.getpid()}-{secrets.token_hex(4)}")  # processes of many machines
    try:
        part.mkdir()
        pile = open_undecoded(source, note).chosen(prepare.limit, prepare.left_out)
        write_entry(part, pile, prepare, note, said, suits)
        with suppress(OSError):  # another process was faster, and its entry is the same
            part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def open_undecoded(source: DataSource, note: Notify) -> UndecodedImages:
    """The source's pile; raises Mistake where its files cannot be read."""
    try:
        return source.open(note)
    except OSError as error:
        raise Mistake(f"{source.name} cannot be read: {error.strerror or error}") from error
