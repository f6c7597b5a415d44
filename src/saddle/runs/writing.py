"""Files and folders as runs are written: a file appears whole or not at all, and what cannot be is said beforehand."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import Mistake, WriteFailure
from ..regular import create_file, is_regular_file

DRAFT_PREFIX = ".draft-"  # how the names of files begin that are not whole yet


def check_writable(path: Path, way_out: str = "name another place") -> None:
    """Raise Mistake where a file or folder cannot be made, or changed if it is there, before there is work to lose."""
    place = existing_parent(path)
    if not place.is_dir() and place != path:
        raise Mistake(f"nothing can be written to {path}: {place} is no folder; {way_out}")
    if not os.access(place, os.W_OK | os.X_OK if place.is_dir() else os.W_OK):
        raise Mistake(f"nothing can be written to {path}: {place} may not be changed; {way_out}")


def check_file_writable(file: Path) -> None:
    """The same of a file, for which a folder stands in the way."""
    if file.is_dir():
        raise Mistake(f"{file} is a folder; name a file in it")
    check_writable(file)


def make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteFailure(f"{path} could not be made: {error.strerror}") from error


def list_numbered_files(folder: Path, ending: str, root: Path | None = None, prefix: str = "") -> list[Path]:
    """The files of a folder that are named by a number, the smallest first; nothing that is, or leads, elsewhere."""
    found = [(path.stem.removeprefix(prefix), path) for path in folder.glob(f"{prefix}*{ending}")]
    there = [(number, p) for number, p in found if number.isdecimal() and number.isascii() and not p.is_symlink()]
    return [path for _, path in sorted((int(number), p) for number, p in there if is_regular_file(p, root))]


def existing_parent(place: Path) -> Path:
    """A place itself if it is there, else the nearest of the folders that it would lie in."""
    return next(one for one in (place, *place.absolute().parents) if one.exists())


def make_parent(path: Path) -> None:
    """Make the folders that a file will lie in."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteFailure(f"{path.parent} cannot be made: {error.strerror}") from error


def write_atomically(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Let `fill` write a file that then appears whole, with its content on disk, or not at all; a link goes for it."""
    draft = path.with_name(f"{DRAFT_PREFIX}{path.name}.{os.getpid()}")
    try:
        with create_file(draft) as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        raise WriteFailure(f"{path} could not be written: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)


def write_json(path: Path, facts: Any) -> None:
    write_text(path, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Of a path that is no UTF-8, what is none is written as \\udce9, which JSON reads back."""
    write_atomically(path, lambda draft: draft.write(text.encode("utf-8", "backslashreplace")))
