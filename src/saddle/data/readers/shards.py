"""Shards: tars that are one set of samples together, and how they are named."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from ...errors import require
from ...regular import open_to_read
from ..undecoded import files_cache_key

MAX_SHARDS = 100_000
BRACES, NUMBERS = re.compile(r"\{([^{}]*)\}"), re.compile(r"(\d+)\.\.(\d+)")
NUMBER = re.compile(r"[-_.]?\d+$")  # of a shard, behind its name


class ShardFile(Protocol):
    """A file that bytes are read from at any place."""

    @property
    def name(self) -> str: ...  # below what was named, with / between folders
    @property
    def size(self) -> int: ...
    @property
    def cache_key(self) -> tuple[object, ...]: ...  # changes whenever the content may
    def open(self) -> BinaryIO: ...
    def read(self, start: int, count: int) -> bytes: ...


class LocalShard(NamedTuple):
    """One on a disk."""

    name: str
    path: Path

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    @property
    def cache_key(self) -> tuple[object, ...]:
        return files_cache_key(self.path)

    def open(self) -> BinaryIO:
        return open_to_read(self.path)

    def read(self, start: int, count: int) -> bytes:
        with open_to_read(self.path) as file:  # anew each time: several threads read
            file.seek(start)
            return file.read(count)


def is_shard_pattern(name: str) -> bool:
    """Does it stand for several tars or parquet files: train-{000..146}.tar, shards/*.tar?"""
    return (
        name.lower().endswith((".tar", ".parquet"))
        and any(sign in name for sign in "*?[{")
        and not os.path.lexists(name)
    )


def shards_of_pattern(name: str) -> list[LocalShard]:
    """The tars that a pattern stands for, in the order of their names; raises Mistake where one of them is missing."""
    found = sorted({path for one in expand_braces(name) for path in files_of_pattern(one)})
    base = Path(os.path.commonpath([path.parent for path in found]))
    return [LocalShard(path.relative_to(base).as_posix(), path) for path in found]


def files_of_pattern(name: str) -> list[Path]:
    found = [Path(path) for path in (glob(name, recursive=True) if any(sign in name for sign in "*?[") else [name])]
    missing = not found or not all(path.is_file() for path in found)
    require(not missing, f"there is no file {name}")
    return found


def expand_braces(name: str) -> Iterator[str]:
    """The names that one with braces stands for, as shells have it: {000..146} and {train,val}."""
    brace = BRACES.search(name)
    if brace is None:
        yield name
        return
    before, inner, after = name[: brace.start()], brace[1], name[brace.end() :]
    numbers = NUMBERS.fullmatch(inner)
    if numbers:
        first, last = int(numbers[1]), int(numbers[2])
        require(abs(last - first) < MAX_SHARDS, f"{name} stands for more than {MAX_SHARDS:,} files")
        step = 1 if last >= first else -1
        middles = [f"{n:0{len(numbers[1])}}" for n in range(first, last + step, step)]
    else:
        middles = inner.split(",")
    for middle in middles:
        yield from expand_braces(f"{before}{middle}{after}")


def group_of(shard: str) -> str:
    """What a shard is a shard of: train of train-000123.tar, test of test/00012.tar."""
    folder, _, file = shard.rpartition("/")
    return "/".join(filter(None, (folder, NUMBER.sub("", without_ending(file)))))


def shard_label(shard: str) -> str:
    """A shard's name as part of a file's, in which no point may stand: what is behind the first one is its ending."""
    return without_ending(shard.rpartition("/")[2]).replace(".", "_")


def without_ending(file: str) -> str:
    return file[:-4] if file.lower().endswith(".tar") else file
