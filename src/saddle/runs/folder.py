"""A run's folder: where everything lies, who may write, and how a file appears whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import Mistake, Unwritten, quoted
from ..regular import create

try:
    import fcntl
except ImportError:  # not on Windows; there a second writer is noticed only by the manifest
    fcntl = None  # type: ignore[assignment]

DRAFT = ".draft-"  # how the names of files begin that are not whole yet


class Folder:
    """The paths of one run."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest = self.path / "manifest.json"
        self.log, self.timing = self.path / "log.jsonl", self.path / "timing.jsonl"
        self.sheets, self.checkpoints = self.path / "sheets", self.path / "checkpoints"
        self.curves, self.strip, self.film = (self.path / n for n in ("curves.png", "progress.png", "progress.gif"))

    def __str__(self) -> str:
        return str(self.path)

    def sheet(self, images: int) -> Path:
        return self.sheets / f"{images:010d}.png"

    @classmethod
    def claim(cls, out: str | Path | None) -> Path | None:
        """Where a new run was asked to lie: refused, before any work is done, if something lies there already."""
        if out is None:
            return None
        folder = cls(out)
        if folder.manifest.exists():
            on = f"`saddle resume {quoted(out)}` goes on with it"
            raise Mistake(f"{out} already holds a run; {on}, or choose another --out")
        if folder.path.exists() and (not folder.path.is_dir() or any(folder.path.iterdir())):
            raise Mistake(f"{out} already exists and is no empty folder; choose another --out")
        return folder.path

    @classmethod
    def new(cls, place: Path | None, name: str, root: str | Path = "runs") -> Folder:
        """A folder made for a new run: at its claimed place, or runs/001-dcgan-glyphs."""
        folder = cls(place or number(Path(root), name))
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            for path in (folder.sheets, folder.checkpoints):
                path.mkdir()  # of two runs that claimed one place at once, one is refused here
        except FileExistsError:
            raise Mistake(f"{folder} has just been taken by another run; choose another --out") from None
        except OSError as error:
            raise Mistake(f"{folder} cannot be made: {error.strerror}") from None
        return folder

    @classmethod
    def found(cls, path: str | Path) -> Folder:
        """The folder of a run that was made before."""
        folder = cls(path)
        if not folder.path.exists():
            raise Mistake(f"there is no run {path}{beside(folder.path)}")
        if not folder.manifest.is_file():
            raise Mistake(f"{path} holds no run: it has no manifest.json{beside(folder.path)}")
        return folder

    def tidy(self) -> None:
        """Throw away what a killed process was about to write."""
        for place in (self.path, self.sheets, self.checkpoints):
            for draft in place.glob(f"{DRAFT}*"):
                draft.unlink(missing_ok=True)

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Nobody else writes into the run in here."""
        with (self.path / ".lock").open("w") as lock:
            if fcntl:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    raise Mistake(f"{self} is being trained by another process just now") from None
            yield


def number(root: Path, name: str) -> Path:
    """The next free root/NNN-name, made."""
    root.mkdir(parents=True, exist_ok=True)
    taken = [int(p.name[:3]) for p in root.iterdir() if p.name[:3].isdigit()]
    for i in range(max(taken, default=0) + 1, 1000):
        with suppress(FileExistsError):
            (path := root / f"{i:03d}-{name}").mkdir()
            return path
    raise Mistake(f"{root} holds 999 runs; name a folder with --out")


def beside(path: Path) -> str:
    """The runs that lie where one was looked for, the latest three."""
    near = sorted(p.parent for p in path.parent.glob("*/manifest.json")) if path.parent.is_dir() else []
    return f"; there are {', '.join(map(str, near[-3:]))}" if near else ""


def write(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Let `fill` write a file that then appears whole, with its content on disk, or not at all; a link goes for it."""
    draft = path.with_name(f"{DRAFT}{path.name}.{os.getpid()}")
    try:
        with create(draft) as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except OSError as error:
        raise Unwritten(f"{path} could not be written: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)


def write_json(path: Path, facts: Any) -> None:
    write_text(path, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    write(path, lambda draft: draft.write(text.encode()))
