"""The source of a recipe of one's own: its file, and the modules beside it that it imports; read once, and hashed."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from ..errors import Mistake, require
from ..regular import BARE
from ..runs.writing import write_atomically

MAX_SOURCE_BYTES, MAX_SOURCE_FILES = 4 << 20, 500  # bytes of a file, files of a source
PATH_PART = re.compile(r"\w[\w.-]*")  # of a path in a source: never .. or a hidden file


@dataclass(frozen=True)
class RecipeSource:
    """Files as they were read, by their paths below a folder; the first one is the recipe's own."""

    folder: Path
    files: dict[str, bytes]

    @property
    def main(self) -> str:
        return next(iter(self.files))

    @property
    def path(self) -> Path:
        return self.folder / self.main

    @property
    def hashes(self) -> dict[str, str]:
        return {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()}

    @cached_property
    def digest(self) -> str:
        """Of the names and contents: it does not hang on where they lie."""
        return hashlib.sha256(repr([self.main, sorted(self.hashes.items())]).encode()).hexdigest()

    def module(self, dotted: str) -> str | None:
        """The file of a module, or of a package, which is beside the recipe's own."""
        stem = dotted.replace(".", "/")
        return next((name for name in (f"{stem}.py", f"{stem}/__init__.py") if name in self.files), None)

    def copy(self, folder: Path) -> None:
        """Write the files below a run's folder for them, each whole; what a killed process left there goes first."""
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        for name, content in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / name, lambda draft, content=content: draft.write(content))  # type: ignore[misc]

    def differs(self, other: RecipeSource) -> str:
        """Where another source first says something else: 'line 7 of mine.py was "a = 1", now "a = 2"'."""
        for name in dict.fromkeys([*self.files, *other.files]):
            was, now = (s.files.get(name, b"").decode("utf-8", "replace").splitlines() for s in (self, other))
            for i in range(max(len(was), len(now))):
                then, here = (lines[i].strip()[:60] if i < len(lines) else "" for lines in (was, now))
                if was[i : i + 1] != now[i : i + 1]:
                    return f"line {i + 1} of {name} was {then!r}, now {here!r}"
        return f"it was called {self.main}, now {other.main}"


def collect_source(path: Path) -> RecipeSource:
    """A file with the modules and packages beside it that it imports, and those that these import."""
    require(path.is_file(), f"there is no file {path}")
    folder, files = path.resolve().parent, {path.name: read_source_file(path)}
    left = [path.name]
    while left:
        name = left.pop()
        for found in [one for dotted in imported_names(files[name], name) for one in sibling_files(folder, dotted)]:
            if found not in files:
                files[found] = read_source_file(folder / found)
                left.append(found)
                require(len(files) <= MAX_SOURCE_FILES, f"{path} imports more than {MAX_SOURCE_FILES} files beside it")
    return RecipeSource(folder, files)


def imported_names(content: bytes, name: str) -> Iterator[str]:
    """The dotted names that a file imports, as if it stood at the top; of one that cannot be read none."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # said when it is run
    package = PurePosixPath(name).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            start = ".".join((*above, *(node.module or "").split("."))).strip(".")
            yield from (start, *(f"{start}.{alias.name}".strip(".") for alias in node.names))


def sibling_files(folder: Path, dotted: str) -> Iterator[str]:
    """The files below the folder that are run when this is imported: a module's, and its packages' own."""
    parts = dotted.split(".") if dotted else []
    for i in range(1, len(parts) + 1):
        stem = "/".join(parts[:i])
        if (folder / stem / "__init__.py").is_file():
            yield f"{stem}/__init__.py"
        elif (folder / f"{stem}.py").is_file():
            yield f"{stem}.py"
            return
        else:
            return


def read_stored_source(folder: Path, hashes: dict[str, str]) -> RecipeSource:
    """What a run has copied, if it is still what its manifest says; no link is followed."""
    require(
        0 < len(hashes) <= MAX_SOURCE_FILES,
        f"{folder} should hold 1 to {MAX_SOURCE_FILES} files, but the manifest names {len(hashes)}",
    )
    for name in hashes:
        plain = name.endswith(".py") and all(PATH_PART.fullmatch(part) for part in name.split("/"))
        require(plain, f"the manifest names {name!r} in {folder}, which is no file of a recipe")
    there = {str(p.relative_to(folder).as_posix()) for p in folder.rglob("*") if p.is_symlink() or not p.is_dir()}
    for name in sorted(there ^ hashes.keys()):
        how = (
            "which its manifest does not name; take it away" if name in there else "which was copied there; it is gone"
        )
        raise Mistake(f"{folder} {'holds' if name in there else 'lacks'} {name}, {how}")
    require(not folder.is_symlink(), f"{folder} is a link, which is not followed")
    source = RecipeSource(folder.resolve(), {name: read_source_file(folder / name, linked=False) for name in hashes})
    for name, digest in source.hashes.items():
        require(digest == hashes[name], f"{folder / name} is not what the run was trained with: it was changed since")
    return source


def read_source_file(path: Path, linked: bool = True) -> bytes:
    """A regular file's bytes; a fifo is not waited for."""
    flags = os.O_RDONLY | BARE | (0 if linked else getattr(os, "O_NOFOLLOW", 0))
    try:
        with open(os.open(path, flags), "rb") as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            require(regular, f"{path} is no regular file")
            content = file.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error.strerror or error}") from None
    require(len(content) <= MAX_SOURCE_BYTES, f"{path} is no recipe: it is longer than {MAX_SOURCE_BYTES >> 20} MiB")
    return content
