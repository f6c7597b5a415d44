"""Folders and shards at URLs, through fsspec: nothing is copied, each image is asked for when it is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from ...errors import require
from ...notices import Notify
from ...urls import attempt, open_system
from ..prepare import Prepare
from ..undecoded import DataSource
from .archive import Archive, archive_source
from .arrow import is_arrow
from .image_formats import has_image_ending
from .parquet import is_parquet, parquet_source
from .shards import expand_braces, group_of
from .tars import tar_source

VERSIONS = ("ETag", "etag", "md5Hash", "checksum", "LastModified", "last_modified", "mtime", "created")  # of a file
BLOCK_BYTES = 1 << 22  # that are asked for at once where a file is read from its beginning to its end


def remote_source(url: str, part: str | None, prepare: Prepare, say: Notify) -> DataSource:
    """The pictures below a URL, or in the tars that it names; raises Mistake where they cannot be read."""
    system, place = open_system(url)
    files = attempt(url, lambda: list_files(system, place))
    require(bool(files), f"there is nothing at {url}")
    title = re.sub(r"[^\w.-]+", "-", PurePosixPath(place).name) or "remote"
    if not any(has_image_ending(name) for name in files) and (tables := [n for n in files if is_parquet(n)]):
        shards = [RemoteShard(url, system, name, files[name]) for name in tables]
        return parquet_source(url, title, shards, part, prepare, say)
    mapped = not any(has_image_ending(name) for name in files) and any(is_arrow(name) for name in files)
    require(not mapped, f"{url} holds Arrow files, which are read from a disk alone; copy the folder to one, or write "
                        "parquet files, `dataset.to_parquet(...)`")  # fmt: skip
    if not any(has_image_ending(name) for name in files) and (tars := [n for n in files if n.lower().endswith(".tar")]):
        shards = [RemoteShard(url, system, name, files[name]) for name in tars]
        return tar_source(url, group_of(tars[0]) or title, (), shards, part, prepare, say)
    sizes = {name: size_of(facts) for name, facts in files.items()}

    def read(name: str, count: int) -> bytes:
        return read_part(system, files[name]["name"], 0, count)

    key = (url, *(version_of(name, facts) for name, facts in files.items()))
    return archive_source(Archive(url, title, (), key, sizes, read), part, prepare, say)


def list_files(system: Any, place: str) -> dict[str, Mapping[str, Any]]:
    """What is known of all files below a path, or of those that a pattern names, by their names below it, in order."""
    if any(sign in place for sign in "*?[{"):
        found = {path: facts for one in expand_braces(place) for path, facts in match(system, one).items()}
        root = place[: min(place.index(sign) for sign in "*?[{" if sign in place)].rpartition("/")[0]
    else:
        found = system.find(place, detail=True)
        root = place if place.rstrip("/") not in found else place.rpartition("/")[0]
    found = {path: facts if ("size" in facts and facts["size"] is not None) or facts.get("type", "file") != "file"
             else {**facts, **system.info(path)} for path, facts in found.items()}  # fmt: skip
    inside = {path.removeprefix(root).strip("/"): {**facts, "name": path} for path, facts in found.items()}
    return dict(sorted((name, facts) for name, facts in inside.items() if facts.get("type", "file") == "file"))


def match(system: Any, pattern: str) -> Mapping[str, Mapping[str, Any]]:
    if any(sign in pattern for sign in "*?["):
        return dict(system.glob(pattern, detail=True))
    facts: Mapping[str, Any] = system.info(pattern)
    return {str(facts["name"]): facts}


def read_part(system: Any, place: str, start: int, count: int) -> bytes:
    """So many bytes of a file; Mistake for a server that gives whole files alone, and for a file that is shorter."""
    content: bytes = system.cat_file(place, start=start, end=start + count)
    require(len(content) <= count, f"the server of {place} gives no parts of files, which images are read by; copy the "
                                   "files here, and name their folder")  # fmt: skip
    require(len(content) == count, f"{place} is shorter than it was")
    return content


def size_of(facts: Mapping[str, Any]) -> int:
    size = facts.get("size")
    require(isinstance(size, int), f"nobody tells how large {facts['name']} is, so it cannot be read in parts")
    return int(size or 0)


def version_of(name: str, facts: Mapping[str, Any]) -> tuple[str, ...]:
    """What changes when a file at a URL does, as far as its server tells."""
    return name, str(facts.get("size")), *(str(facts[key]) for key in VERSIONS if key in facts)


@dataclass(frozen=True, eq=False)
class RemoteShard:
    """A tar at a URL."""

    url: str
    system: Any
    name: str
    facts: Mapping[str, Any]

    @property
    def size(self) -> int:
        return size_of(self.facts)

    @property
    def cache_key(self) -> tuple[object, ...]:
        return self.url, *version_of(self.name, self.facts)

    def open(self) -> BinaryIO:
        opened: BinaryIO = attempt(self.url, lambda: self.system.open(self.facts["name"], block_size=BLOCK_BYTES))
        return opened

    def read(self, start: int, count: int) -> bytes:
        return read_part(self.system, self.facts["name"], start, count)
