"""Runs at URLs: played in a folder here, uploaded whole at each checkpoint, fetched whole to be used or gone on with.

At the URL lie a run's files by their own names, and beside them a marker, which names those that make up the run. It is
written when all of them are there, and what it no longer names goes after that: so whoever is killed in between, and
wherever, leaves the run that the marker names.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from ..data.cache.location import cache_home
from ..data.cache.usage import mark_used
from ..errors import Failure, Mistake, WriteFailure, require
from ..regular import open_to_read
from ..schema import conform, parse_json
from ..urls import attempt, describe_fault, open_system
from .folder import LOCK_NAME
from .locks import is_locked
from .writing import DRAFT_PREFIX

MARKER, MARKER_FORMAT = "upload.json", "saddle upload 1"
KIND = "runs"  # the folder of the cache
TRIES = 3  # to fetch a run that moves on meanwhile
BLOCK_BYTES = 1 << 22
MAKES_FOLDERS = ("sftp", "ssh", "hdfs", "webhdfs", "smb", "ftp")  # other systems have none, or make them as they write


class Upload(NamedTuple):
    """The files that make up a run, by name: bytes and digest of each."""

    files: Mapping[str, tuple[int, str]]

    @property
    def digest(self) -> str:
        return blake2b(json.dumps(self.files, sort_keys=True).encode())


NOTHING = Upload({})


@dataclass
class RemoteRun:
    """A run at a URL, as far as this process knows it."""

    url: str
    known: Upload = NOTHING  # that was fetched or made last
    system: Any = field(init=False, repr=False)  # fsspec's
    sent: set[str] = field(default_factory=set)  # files that lie there, as far as they are the run's
    seen: dict[str, tuple[tuple[int, int], str]] = field(default_factory=dict)  # digests of files, and of which state

    def __post_init__(self) -> None:
        self.system, self.place = open_system(self.url)
        self.name = PurePosixPath(self.place).name or "run"
        self.key = blake2b(self.url.encode())[:12]

    def read_marker(self) -> Upload | None:
        """What the marker names; None where there is none."""
        try:
            content = self.system.cat_file(f"{self.place}/{MARKER}")
        except FileNotFoundError:
            return None
        except Exception as error:  # networks, credentials and servers fail in every way
            raise Mistake(f"{self.url} cannot be read: {describe_fault(error)}") from error
        fault = f"{self.url}/{MARKER} is no marker of a run's"
        facts = conform(parse_json(content, fault), dict[str, Any], fault)
        require(facts.get("format") == MARKER_FORMAT, f"{fault}: it is of another format")
        files = conform(facts.get("files"), dict[str, tuple[int, str]], fault)
        for name in files:
            require(is_plain(name), f"{fault}: it names {name}, which is no path within a run")
        return Upload(files)

    def fetch(self) -> Path:
        """The run in a folder of the cache, as the marker names it: nobody writes into that one."""
        for _ in range(TRIES):
            upload = self.read_marker()
            if upload is None:
                raise Mistake(f"there is no run at {self.url}")
            there = self.fetched_folder(upload)
            if there.is_dir() or self.download(upload, there):
                mark_used(there.parent)
                self.known = upload
                return there
        raise Mistake(f"{self.url} has changed whenever it was fetched; try again")

    def fetched_folder(self, upload: Upload) -> Path:
        return cache_home() / KIND / f"{self.key}-{upload.digest[:16]}" / self.name

    def download(self, upload: Upload, there: Path) -> bool:
        """Fetch all files, or none: False where the run has moved on meanwhile."""
        draft = there.parent.with_name(f".draft-{os.getpid()}-{secrets.token_hex(4)}")
        try:
            for name, (_, digest) in upload.files.items():
                file = draft / there.name / name
                file.parent.mkdir(parents=True, exist_ok=True)
                try:
                    attempt(f"{self.url}/{name}", lambda name=name, file=file: self.system.get_file(  # type: ignore[misc]
                        f"{self.place}/{name}", str(file)))  # fmt: skip
                    # other files may be newer than the marker, as of a process that was killed before it moved it
                    changed = is_checkpoint(name) and digest_file(file) != digest
                    require(not changed, f"{self.url}/{name} is damaged: it is not what was uploaded")
                except Mistake:
                    if self.read_marker() != upload:
                        return False
                    raise
            with suppress(OSError):  # another process was faster
                draft.rename(there.parent)
            return True
        except OSError as error:
            raise cannot_keep(draft, error) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def check_free(self) -> None:
        """Refuse a place that holds a run, or that nothing can be written to."""
        require(self.read_marker() is None, f"{self.url} already holds a run; `saddle resume {self.url}` goes on with "
                                            "it, or choose another --out")  # fmt: skip
        file = f"{self.place}/{DRAFT_PREFIX}{secrets.token_hex(4)}"
        try:
            self.write(file, b"")
            self.system.rm_file(file)
        except Exception as error:
            raise Mistake(f"nothing can be written to {self.url}: {describe_fault(error)}") from error

    def working_folder(self, start: Path | None = None) -> Path:
        """A new folder to play the run in, with what was fetched; those that killed processes left of it go."""
        home, prefix = cache_home() / KIND, f".work-{self.key}-"
        for left in home.glob(f"{prefix}*") if os.name == "posix" else ():
            locks = list(left.glob(f"*/{LOCK_NAME}"))
            if locks and not any(map(is_locked, locks)):
                shutil.rmtree(left, ignore_errors=True)
        there = home / f"{prefix}{os.getpid()}-{secrets.token_hex(4)}" / self.name
        try:
            there.parent.mkdir(parents=True)
            if start:
                shutil.copytree(start, there, ignore=shutil.ignore_patterns(".*"))
                self.sent = {*self.known.files, *self.list_checkpoints()}
        except OSError as error:
            raise cannot_keep(there.parent, error) from error
        return there

    def list_checkpoints(self) -> Iterator[str]:
        """The checkpoints at the URL, also those of a process that was killed before it moved the marker."""
        place = f"{self.place}/checkpoints"
        try:
            found = attempt(self.url, lambda: self.system.find(place))
        except Mistake:  # there are none yet, or the server lists nothing
            return
        for file in found:
            if is_checkpoint(name := f"checkpoints/{file.rpartition('/')[2]}"):
                yield name

    def publish(self, folder: Path) -> None:
        """Upload what has changed in the folder, then move the marker, then delete what it no longer names.

        Raises WriteFailure where that cannot be done now, Failure where another process has moved the marker.
        """
        upload = Upload(dict(self.digests(folder)))
        if upload == self.known and self.sent <= upload.files.keys():
            return
        try:
            there = self.read_marker() or NOTHING
            if there.digest != self.known.digest:
                raise Failure(
                    f"another process has written into {self.url} meanwhile; what this one made is in {folder}"
                )
            for name, facts in upload.files.items():
                if self.known.files.get(name) != facts:
                    self.sent.add(name)
                    with open_to_read(folder / name) as file:
                        self.write(f"{self.place}/{name}", file)
            marker = json.dumps({"format": MARKER_FORMAT, "files": upload.files}, indent=1)
            self.write(f"{self.place}/{MARKER}", marker.encode())
            self.known = upload
            for name in self.sent - upload.files.keys():
                with suppress(FileNotFoundError):
                    self.system.rm_file(f"{self.place}/{name}")
                self.sent.discard(name)
        except Failure:
            raise
        except Exception as error:  # networks, credentials and servers fail in every way
            raise WriteFailure(f"{self.url} cannot be written to: {describe_fault(error)}") from error

    def write(self, place: str, content: Any) -> None:
        """A file, from bytes or an open file, which is then there whole or not at all."""
        protocols = self.system.protocol
        if any(kind in MAKES_FOLDERS for kind in ((protocols,) if isinstance(protocols, str) else protocols)):
            self.system.makedirs(place.rpartition("/")[0], exist_ok=True)
        with self.system.transaction, self.system.open(place, "wb") as there:
            if isinstance(content, bytes):
                there.write(content)
            else:
                shutil.copyfileobj(content, there, BLOCK_BYTES)

    def digests(self, folder: Path) -> Iterator[tuple[str, tuple[int, str]]]:
        """All files of a run, but for drafts and locks."""
        for file in sorted(folder.rglob("*")):
            name = file.relative_to(folder).as_posix()
            if any(part.startswith(".") for part in name.split("/")) or file.is_symlink() or not file.is_file():
                continue
            now = file.stat()
            state = now.st_size, now.st_mtime_ns
            if self.seen.get(name, ((), ""))[0] != state:
                self.seen[name] = state, digest_file(file)
            yield name, (now.st_size, self.seen[name][1])

    def settle(self, folder: Path) -> Path:
        """Where the run lies here when nobody plays it any more: as one that was fetched, if all was uploaded."""
        lock = folder / LOCK_NAME
        try:
            self.publish(folder)
        except Failure:  # which the run has told of; a folder without a lock is nobody's to clear away
            lock.unlink(missing_ok=True)
            return folder
        there = self.fetched_folder(self.known)
        with suppress(OSError):  # it was fetched in this state
            folder.parent.rename(there.parent)
        shutil.rmtree(folder.parent, ignore_errors=True)
        return there


def cannot_keep(place: Path, error: OSError) -> WriteFailure:
    reason = error.strerror or error
    return WriteFailure(f"{place} cannot be written: {reason}; the variable SADDLE_CACHE names another cache")


def is_checkpoint(name: str) -> bool:
    """Is it a checkpoint of one moment, which never becomes another?"""
    return name.startswith("checkpoints/") and PurePosixPath(name).stem.rpartition("-")[2].isdigit()


def is_plain(name: str) -> bool:
    return all(part not in ("", ".", "..") and "\\" not in part and ":" not in part for part in name.split("/"))


def digest_file(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def blake2b(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
