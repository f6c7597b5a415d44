"""A folder of pictures, and of folders of pictures."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from PIL import Image

from ..errors import Mistake
from .layout import arranged, picture
from .pile import Pile, Say, Source, facts
from .pixels import ENDINGS, opened
from .tables import found


def folder(path: Path, part: str | None = None, labels: str | None = None) -> Source:
    """The pictures below a folder, in the order of their paths; raises Mistake where there are none."""
    files = pictures(path)
    if not files:
        raise Mistake(f"{path} holds no pictures ({', '.join(ending[1:] for ending in ENDINGS)})")
    table = None if labels is None else found(labels, [path, path.parent], lambda name: None)
    names = [printable(name) for name, _ in files]
    digest = hashlib.blake2b(
        repr((str(path.resolve()), files)).encode("utf-8", "surrogateescape"), digest_size=16
    ).hexdigest()

    def read(i: int) -> Image.Image:
        return opened(path / files[i][0])

    def open_(say: Say) -> Pile:
        return arranged(path.name or str(path), names, read, part, table, say)

    return Source(path.resolve().name, (digest, part, table and table.stamp), open_)


def pictures(path: Path) -> list[tuple[str, tuple[int, ...]]]:
    """(relative path, what tells that it changed) of each picture, in the order of the paths."""
    files = []
    for name in walked(path):
        files.append((name, facts(path / name) if os.path.exists(path / name) else ()))  # a link may lead nowhere
    return sorted(files)


def walked(path: Path) -> list[str]:
    """The relative paths of all pictures, with / between folders; links to folders are followed, but not in circles."""

    def refuse(error: OSError) -> None:
        raise Mistake(f"{error.filename} cannot be read: {error.strerror}") from error

    names, seen = [], set()
    for folder, below, files in os.walk(path, onerror=refuse, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        inner = Path(folder).relative_to(path)
        names += [name for file in files if picture(name := (inner / file).as_posix())]
    return names


def printable(name: str) -> str:
    """A file's name as it can be written anywhere: bytes that are no UTF-8 become question marks."""
    return name.encode("utf-8", "replace").decode()
