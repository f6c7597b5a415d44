"""What lies below a folder: regular files to read, and in sentences what is passed over."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ...errors import Mistake, format_count
from ...regular import FILE_KINDS, open_to_read
from ..undecoded import stat_identity
from ..wording import is_or_are, it_or_them, join_names
from .image_formats import has_image_ending, may_be_image

SHOWN_PER_KIND = 3  # of each kind that a sentence names
RUN_FILES = ("manifest.json", "sweep.json", "search.json")  # one of them is in each folder of runs that saddle made
RUN_FORMATS = (b'"format": "saddle run ', b'"format": "saddle sweep ', b'"format": "saddle search ')
RUN_START_BYTES = 1 << 12  # bytes of them that are looked at
UNREPORTED_FOLDERS = (".git", ".ipynb_checkpoints", "__pycache__")  # hidden folders that hold nobody's pictures


class File(NamedTuple):
    """A file by its path below the folder, with / between folders."""

    name: str
    facts: tuple[int, ...] = ()  # what tells that it is another one or has changed; nothing of a link to nowhere


@dataclass
class FolderWalk:
    """All that was found below a folder, and what was not looked into."""

    root: Path
    files: list[File] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)  # links out of the folder, not followed
    made: list[str] = field(default_factory=list)  # folders that saddle made
    hidden: list[str] = field(default_factory=list)
    odd: dict[str, str] = field(default_factory=dict)  # what is no file and no folder, or cannot be read: why

    def describe_skipped(self) -> Iterator[str]:
        """What is passed over, in one sentence for each kind."""
        if self.made:
            runs = join_names(sorted(self.made), SHOWN_PER_KIND)
            yield f"{self.root}: {runs} {is_or_are(self.made)} passed over, for saddle made {it_or_them(self.made)}"
        if self.outside:
            names = join_names(sorted(self.outside), SHOWN_PER_KIND)
            links = f"{format_count(len(self.outside), 'link')} out of the folder, {names}, {is_or_are(self.outside)}"
            yield f"{self.root}: {links} not followed; --follow-links follows {it_or_them(self.outside)}"
        if self.hidden:
            folders = "hidden folder" if len(self.hidden) == 1 else "hidden folders"
            names = join_names(sorted(self.hidden), SHOWN_PER_KIND)
            yield f"{self.root}: the {folders} {names} {is_or_are(self.hidden)} passed over"
        for name in sorted(self.odd)[:SHOWN_PER_KIND]:
            yield f"{self.root / name} is skipped: {self.odd[name]}"
        if len(self.odd) > SHOWN_PER_KIND:
            more = len(self.odd) - SHOWN_PER_KIND
            yield f"{self.root}: {more:,} more that are no files or cannot be read are skipped"


def walk_folder(root: Path, follow: bool = False) -> FolderWalk:
    """Everything below a folder, in the order of the paths; raises Mistake for one that cannot be read.

    Links that stay in the folder are followed, but no folder is looked into twice; links out of it only if asked to.
    Fifos, sockets and devices are never opened, and folders that saddle made are passed over.
    """
    found, base = FolderWalk(root), os.path.realpath(root)
    seen: set[str] = set()
    waiting: list[tuple[str, str]] = [("", base)]
    linked: list[tuple[str, str]] = []
    while waiting or linked:  # folders before links to them, so that a picture has its own name
        inner, real = waiting.pop() if waiting else linked.pop(0)
        if real in seen:
            continue
        seen.add(real)
        entries = read_entries(found, inner, real)
        if inner and has_run_files(real, entries):
            found.made.append(inner)
            continue
        for entry in entries:
            name = f"{inner}/{entry.name}" if inner else entry.name
            sort_entry(found, entry, name, base, follow, waiting, linked)
    found.files.sort()
    return found


def read_entries(found: FolderWalk, inner: str, real: str) -> list[os.DirEntry[str]]:
    """A folder's entries; raises Mistake for the first folder, and notes any other, that cannot be read."""
    try:
        with os.scandir(real) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        if not inner:
            raise Mistake(f"{found.root} cannot be read: {error.strerror}") from error
        found.odd[inner] = describe_os_error(error)
        return []


def sort_entry(found: FolderWalk, entry: os.DirEntry[str], name: str, base: str, follow: bool,
               waiting: list[tuple[str, str]], linked: list[tuple[str, str]]) -> None:  # fmt: skip
    """Put an entry where it belongs: a file, a folder to look into, or what is passed over."""
    try:
        linking = entry.is_symlink()
        real = os.path.realpath(entry.path) if linking else entry.path
        outside = linking and not follow and real != base and not real.startswith(os.path.join(base, ""))
        try:
            facts = entry.stat()
        except FileNotFoundError:  # a link to nowhere, or just deleted: named when it is to be read
            if has_image_ending(name):
                found.files.append(File(name))
            return
        kind = stat.S_IFMT(facts.st_mode)
        if is_hidden_name(entry.name) and kind == stat.S_IFDIR:
            found.hidden += [name] * (entry.name not in UNREPORTED_FOLDERS)
        elif outside:
            found.outside += [name] * (kind == stat.S_IFDIR or may_be_image(name))
        elif kind == stat.S_IFDIR:
            (linked if linking else waiting).append((name, real))
        elif kind == stat.S_IFREG:
            found.files.append(File(name, stat_identity(facts)))
        else:
            found.odd[name] = f"it is {FILE_KINDS.get(kind, 'something else')}, no file"
    except OSError as error:
        found.odd[name] = describe_os_error(error)


def has_run_files(folder: str, entries: Iterable[os.DirEntry[str]]) -> bool:
    """Did saddle make this folder: a run, a sweep, an entry of the cache?"""
    names = {entry.name for entry in entries}
    if names >= {"sheets", "checkpoints"} or names >= {"pixels.npy", "facts.json"}:
        return True
    return any(name in names and has_run_format(Path(folder, name)) for name in RUN_FILES)


def has_run_format(path: Path) -> bool:
    try:
        with open_to_read(path) as file:
            start = file.read(RUN_START_BYTES)
    except (OSError, Mistake):
        return False
    return any(form in start for form in RUN_FORMATS)


def is_made_by_saddle(folder: Path) -> bool:
    """Is this folder a run, a sweep or an entry of the cache?"""
    try:
        with os.scandir(folder) as entries:
            return has_run_files(str(folder), entries)
    except OSError:
        return False


def is_hidden_name(name: str) -> bool:
    return name.startswith(".") or name in ("__MACOSX", "__pycache__")


def describe_os_error(error: OSError) -> str:
    reason = error.strerror or str(error)
    return reason[0].lower() + reason[1:]
