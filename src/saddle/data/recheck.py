"""Everything that the cache holds, compared with what was written: `saddle doctor --cache`."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from ..errors import plural
from .cache import alone, discard, tidy
from .entry import Damaged, read_entry
from .place import home
from .seal import Spoiled, check, tidy_drafts

SEALED = ("features", "classifiers")
NAMED = re.compile(r"-([0-9a-f]{8,64})\.\w+$")  # a downloaded file's hash, as far as its name tells it


def recheck(say: Callable[[str], None], folder: Path | None = None) -> str:
    """Look at all of the cache, remove what is damaged, saying so, and tell how much there is."""
    folder = home() if folder is None else folder
    entries = [path for path in sorted(folder.glob("[!.]*")) if path.name not in (*SEALED, "inception")]
    sealed = [path for name in SEALED for path in sorted((folder / name).glob("[!.]*"))]
    weights = [path for path in sorted((folder / "inception").glob("[!.]*")) if NAMED.search(path.name)]
    tidy(folder)
    for name in SEALED:
        tidy_drafts(folder / name)
    bad = 0
    for path, why in (*wrong(entries, look), *wrong(sealed, check), *wrong(weights, hashed)):
        say(f"{path} is damaged ({why}) and is removed; it is made again when it is needed")
        remove(path)
        bad += 1
    files = plural(len(sealed) + len(weights), "file of features, classifiers and weights",
                   "files of features, classifiers and weights")  # fmt: skip
    found = "all as they were written" if not bad else f"{bad:,} damaged"
    return f"the cache {folder} holds {plural(len(entries), 'data set')} and {files}: {found}"


def wrong(paths: list[Path], look: Callable[[Path], object]) -> Iterator[tuple[Path, str]]:
    for path in paths:
        try:
            look(path)
        except (Damaged, Spoiled) as why:
            yield path, str(why)


def look(place: Path) -> None:
    """All samples of an entry."""
    entry = read_entry(place)
    for rows in entry.checksums.spread(entry.pixels[0].nbytes, budget=sys.maxsize):
        bad = entry.checksums.wrong(entry.pixels, rows)
        if bad is not None:
            raise Damaged(f"sample {bad:,} is not what was written")


def hashed(file: Path) -> None:
    """A file whose name says how its hash begins."""
    said = NAMED.search(file.name)
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if said and not digest.startswith(said[1]):
        raise Spoiled(f"its hash begins with {digest[:8]}")


def remove(path: Path) -> None:
    with suppress(OSError):
        if not path.is_dir():
            path.unlink()
        else:
            with alone(path):
                discard(path)
