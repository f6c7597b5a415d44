"""Everything that the cache holds, compared with what was written: `saddle doctor --cache`."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ...errors import format_count
from ...notices import Notify
from ..cache.entry import DamagedEntry, read_entry
from ..cache.location import cache_home
from ..cache.sealed import DamagedFile, check_sealed, remove_stale_drafts
from ..cache.store import locked_entry, remove_entry, remove_leftovers
from ..cache.usage import ENTRY_NAME

SEALED_FOLDERS = ("features", "classifiers", "texts")
HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.\w+$")  # a downloaded file's hash, as far as its name tells it


class CacheState(NamedTuple):
    """How much a cache holds, and how much of it was not as it was written, and is removed."""

    folder: Path
    datasets: int
    files: int
    damaged: int

    def __str__(self) -> str:
        files = format_count(self.files, "file of features, classifiers, texts and weights",
                       "files of features, classifiers, texts and weights")  # fmt: skip
        found = "all as they were written" if not self.damaged else f"{self.damaged:,} damaged"
        return f"the cache {self.folder} holds {format_count(self.datasets, 'data set')} and {files}: {found}"


def verify_cache(say: Notify, folder: Path | None = None) -> CacheState:
    """Look at all of the cache, remove what is damaged, saying so, and tell how much there is."""
    folder = cache_home() if folder is None else folder
    entries = [path for path in sorted(folder.glob("[!.]*")) if ENTRY_NAME.search(path.name)]
    sealed = [path for name in SEALED_FOLDERS for path in sorted((folder / name).glob("[!.]*"))]
    weights = [path for path in sorted((folder / "inception").glob("[!.]*")) if HASH_IN_NAME.search(path.name)]
    remove_leftovers(folder)
    for name in SEALED_FOLDERS:
        remove_stale_drafts(folder / name)
    bad = 0
    for path, why in (
        *find_damaged_files(entries, verify_entry),
        *find_damaged_files(sealed, check_sealed),
        *find_damaged_files(weights, verify_hash),
    ):
        say(f"{path} is damaged ({why}) and is removed; it is made again when it is needed")
        remove_damaged(path)
        bad += 1
    return CacheState(folder, len(entries), len(sealed) + len(weights), bad)


def find_damaged_files(paths: list[Path], look: Callable[[Path], object]) -> Iterator[tuple[Path, str]]:
    for path in paths:
        try:
            look(path)
        except (DamagedEntry, DamagedFile) as why:
            yield path, str(why)


def verify_entry(place: Path) -> None:
    """All samples of an entry."""
    entry = read_entry(place)
    if entry.pixels is None:
        return
    for rows in entry.checksums.sample_runs(entry.pixels[0].nbytes, budget=sys.maxsize):
        bad = entry.checksums.find_damaged(entry.pixels, rows)
        if bad is not None:
            raise DamagedEntry(f"sample {bad:,} is not what was written")


def verify_hash(file: Path) -> None:
    """A file whose name says how its hash begins."""
    said = HASH_IN_NAME.search(file.name)
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if said and not digest.startswith(said[1]):
        raise DamagedFile(f"its hash begins with {digest[:8]}")


def remove_damaged(path: Path) -> None:
    with suppress(OSError):
        if not path.is_dir():
            path.unlink()
        else:
            with locked_entry(path):
                remove_entry(path)
