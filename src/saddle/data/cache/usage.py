"""How much the cache holds of what, and the limit that it is kept to by dropping what was used longest ago."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ...errors import Mistake, require
from ...notices import Notify

LIMIT_FILE = ".limit"  # in the cache: the most bytes that it may hold
LIMIT_VARIABLE = "SADDLE_CACHE_LIMIT"
ENTRY_NAME = re.compile(r"-[0-9a-f]{20}$")  # of decoded data
DECODED = "decoded data"
KINDS = {  # folders of the cache, and what they hold
    "features": "what metrics have computed of data",
    "classifiers": "networks that tell classes apart, for metrics",
    "texts": "captions as a text encoder reads them",
    "inception": "the weights that FID looks through",
    "runs": "runs that lie at URLs, fetched or played",
    "hub": "runs fetched from the Hugging Face hub",
    "probes": "which arithmetic was found fastest on this machine",
    "shards": "where samples lie in tars",
}
HASH_PART = re.compile(r"[0-9a-f]{8}")  # all that saddle keeps has a hash in its name, which a stray file has not
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?", re.IGNORECASE)
POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


class CacheItem(NamedTuple):
    """What is dropped as one."""

    path: Path
    kind: str  # decoded data, or the folder of the cache that it lies in: features, classifiers, texts ...
    bytes: int
    used: float  # when it was last asked for, in seconds since 1970


def list_cache(folder: Path) -> Iterator[CacheItem]:
    """All that the cache holds and could make again; drafts, locks and what saddle has not made are left alone."""
    own = (place for place in sorted(folder.glob("[!.]*")) if ENTRY_NAME.search(place.name))
    yield from (make_item(place, DECODED) for place in own if place.is_dir() and not place.is_symlink())
    for kind in KINDS:
        files = sorted((folder / kind).glob("[!.]*"))
        yield from (make_item(file, kind) for file in files if HASH_PART.search(file.name) and not file.is_symlink())


def make_item(path: Path, kind: str) -> CacheItem:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return CacheItem(path, kind, sum(file.lstat().st_size for file in files), path.lstat().st_mtime)


def mark_used(path: Path) -> None:
    """Note that this was asked for now; a cache that may not be written to keeps no note."""
    with suppress(OSError):
        os.utime(path)


def drop_item(item: CacheItem) -> None:
    """In one step: whoever has it open keeps it, and nobody finds half of it."""
    from .store import locked_entry, remove_entry

    with suppress(OSError):
        if item.kind == DECODED:
            with locked_entry(item.path):
                remove_entry(item.path)
        elif item.path.is_dir() and not item.path.is_symlink():
            shutil.rmtree(item.path)
        else:
            item.path.unlink()


def read_limit(folder: Path) -> int | None:
    """The most bytes that the cache may hold, as the variable says, or the file in it; None: no limit."""
    if text := os.environ.get(LIMIT_VARIABLE):
        return parse_bytes(text, LIMIT_VARIABLE)
    try:
        return parse_bytes((folder / LIMIT_FILE).read_text(encoding="utf-8"), str(folder / LIMIT_FILE))
    except FileNotFoundError:
        return None


def parse_bytes(text: str, what: str = "limit") -> int:
    """'20GB' as a number of bytes, of 1024 MB; raises Mistake for what is no size above 0."""
    found = SIZE.fullmatch(text.strip())
    require(found is not None, f"{what} is {text.strip()[:40]!r}, but should be a size such as 20GB or 500MB")
    assert found is not None
    count = int(float(found[1]) * 1024 ** POWERS[found[2].lower()])
    require(count > 0, f"{what} is {text.strip()}, but should be above 0; saddle cache --clear empties the cache")
    return count


def keep_to_limit(folder: Path, new: Path, say: Notify) -> None:
    """Drop what was used longest ago until the cache fits its limit; never `new`, which is wanted just now."""
    try:
        limit = read_limit(folder)
    except (Mistake, OSError, ValueError) as error:
        say(f"the cache's limit cannot be read ({error}), and none is kept")
        return
    if limit is None:
        return
    items = sorted(list_cache(folder), key=lambda item: item.used)
    whole = sum(item.bytes for item in items)
    for item in items:
        if whole <= limit:
            return
        if item.path != new:
            drop_item(item)
            whole -= item.bytes
            say(f"{item.path.name} is dropped from the cache, which is kept to its limit")
    if whole > limit:
        say(f"{new.name} alone is larger than the cache's limit, and is kept as long as nothing else is wanted")
