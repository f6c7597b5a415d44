"""A run's folder: where everything lies, and who may write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Mistake, quote_for_shell, require
from ..regular import is_regular_file, open_to_append, open_to_read
from ..urls import as_url
from .locks import lock_patiently
from .naming import resolve_run_name
from .writing import DRAFT_PREFIX, check_writable, list_numbered_files, make_folder, write_atomically

if TYPE_CHECKING:
    from .remote import RemoteRun

SOURCE_FOLDER = "recipe"  # the folder that holds the source of a recipe of one's own
PLUGIN_FOLDER = "plugin"  # and that of a plugin
FOREIGN = ".tmp*"  # those of the library that once wrote checkpoints
LOCK_NAME = ".lock"
BUNDLE_MANIFEST, BUNDLE_WEIGHTS = "config.json", "model.safetensors"  # all that there is of an exported run
OTHER_RUN = "--out names another place"
Place = Path | str  # a folder here, or a URL


class RunFolder:
    """The paths of one run."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest, self.is_bundle = self.path / "manifest.json", False
        if not self.manifest.exists() and (self.path / BUNDLE_WEIGHTS).is_file():
            self.manifest, self.is_bundle = self.path / BUNDLE_MANIFEST, True
        self.log, self.timing = self.path / "log.jsonl", self.path / "timing.jsonl"
        self.sheets, self.checkpoints = self.path / "sheets", self.path / "checkpoints"
        self.curves, self.progress_strip, self.progress_gif = (
            self.path / n for n in ("curves.png", "progress.png", "progress.gif")
        )
        self.board = self.path / "board"
        self.kept: dict[Path, bytes] = {}  # what is put back if it is deleted while the run plays
        self.remote: RemoteRun | None = None  # of which this is a copy, if the run lies at a URL

    def __str__(self) -> str:
        return self.remote.url if self.remote else str(self.path)

    def sheet(self, images: int) -> Path:
        return self.sheets / f"{images:010d}.png"

    def contact_sheets(self, ending: str = ".png") -> list[Path]:
        """The contact sheets in the order of training: regular files in the run, named by their images."""
        return list_numbered_files(self.sheets, ending, self.path)

    @classmethod
    def claim(cls, out: str | Path | None) -> Place | None:
        """Where a new run was asked to lie: refused, before any work is done, if something lies there already."""
        if out is None:
            check_writable(Path("runs"), OTHER_RUN)
            return None
        if url := as_url(out):
            find_remote(url).check_free()
            return url
        folder = cls(out)
        check_writable(folder.path, OTHER_RUN)
        if folder.manifest.exists():
            on = f"`saddle resume {quote_for_shell(out)}` goes on with it"
            raise Mistake(f"{out} already holds a run; {on}, or choose another --out")
        if folder.path.exists() and not (folder.path.is_dir() and folder.is_unbegun()):
            raise Mistake(f"{out} already exists and is no empty folder; choose another --out")
        return folder.path

    @staticmethod
    def next_place(name: str, root: str | Path = "runs") -> Path:
        """Where a run called so would be made now."""
        return next(numbered_places(Path(root), name))

    @classmethod
    def create(cls, place: Place | None, name: str, root: str | Path = "runs") -> RunFolder:
        """A folder made for a new run: at its claimed place, or runs/001-dcgan-glyphs; one not begun is taken over."""
        remote = find_remote(place) if isinstance(place, str) else None
        folder = cls(remote.working_folder() if remote else place or make_numbered_folder(Path(root), name))
        folder.remote = remote
        try:
            folder.path.mkdir(parents=True, exist_ok=True)
            for path in (folder.sheets, folder.checkpoints):
                path.mkdir(exist_ok=True)
        except OSError as error:
            raise Mistake(f"{folder} cannot be made: {error.strerror}") from None
        folder.check_not_taken()
        return folder

    def check_not_taken(self) -> None:
        """Of two new runs that claimed one place at once, the second is refused once the first has its manifest."""
        if self.manifest.exists():
            raise Mistake(f"{self} has just been taken by another run; choose another --out")

    def is_unbegun(self) -> bool:
        """Is there nothing in it but what a run that was killed before its manifest was written may leave?"""
        return all(path.name == LOCK_NAME or path.name.startswith(DRAFT_PREFIX) or self.is_empty_part(path)
                   or self.is_source_copy(path)
                   for path in self.path.iterdir())  # fmt: skip

    def is_source_copy(self, path: Path) -> bool:
        """Is this the folder of a recipe's or plugin's source, by a process that locked the run, and nothing else?"""
        locked = is_regular_file(self.path / LOCK_NAME)  # or it may be a user's own
        own = locked and path.name in (SOURCE_FOLDER, PLUGIN_FOLDER) and path.is_dir() and not path.is_symlink()
        return own and all(not file.is_symlink() and (file.is_dir() or is_source_file(file))
                           for file in path.rglob("*"))  # fmt: skip

    def is_empty_part(self, path: Path) -> bool:
        """Is this one of the folders that a run begins with, and nothing in it?"""
        own = path in (self.sheets, self.checkpoints) and path.is_dir() and not path.is_symlink()
        return own and not any(path.iterdir())

    @classmethod
    def find(cls, path: str | Path) -> RunFolder:
        """The folder of a run that was made before."""
        require(bool(str(path)), f"a run's name is empty; name its folder{suggest_runs(Path('runs') / 'any')}")
        if url := as_url(path):
            remote = find_remote(url)
            folder = cls(remote.fetch())
            folder.remote = remote
            folder.check_no_links()
            return folder
        folder = cls(resolve_run_name(path))
        if not folder.path.exists():
            raise Mistake(f"there is no run {path}{suggest_runs(folder.path)}")
        if not folder.manifest.is_file():
            again = f"; it was ended before it began, and `saddle train ... --out {quote_for_shell(path)}` begins anew"
            killed = folder.path.is_dir() and folder.sheets.is_dir() and folder.is_unbegun()
            raise Mistake(
                f"{path} holds no run: it has no manifest.json{again if killed else suggest_runs(folder.path)}"
            )
        folder.check_no_links()
        return folder

    @classmethod
    def find_begun(cls, out: str | Path) -> RunFolder | None:
        """The folder of the run that was begun there, if one was."""
        url = as_url(out)
        there = find_remote(url).read_marker() is not None if url else cls(out).manifest.exists()
        return cls.find(out) if there else None

    def copy_to_play_in(self) -> RunFolder:
        """A copy of a run that was fetched, which may be written to."""
        assert self.remote is not None, "others are played where they lie"
        folder = RunFolder(self.remote.working_folder(self.path))
        for path in (folder.sheets, folder.checkpoints):
            make_folder(path)  # of folders without a file nothing is known at a URL
        folder.remote = self.remote
        return folder

    @contextmanager
    def to_write(self) -> Iterator[RunFolder]:
        """The folder, to write a file more into; of a run at a URL a copy, which is uploaded when that is done."""
        if self.remote is None:
            yield self
            return
        folder = self.copy_to_play_in()
        try:
            yield folder
            self.remote.publish(folder.path)
        finally:
            self.path = self.remote.settle(folder.path)

    def check_no_bundle(self) -> None:
        """Raise Mistake for a bundle, which has a run's weights, and nothing of its training."""
        new = f"`saddle train ... --from {quote_for_shell(self.path)}` begins a new run with them"
        require(not self.is_bundle, f"{self} is a bundle: it has a run's weights, and nothing of its training that "
                                    f"could be gone on with or told of; {new}")  # fmt: skip

    def check_no_links(self) -> None:
        """A run's own folders are no links: who writes, tidies or shows what lies in them stays within the run."""
        for path in (self.manifest, self.path / BUNDLE_WEIGHTS) if self.is_bundle else ():
            require(not path.is_symlink(), f"{path} is a link, which is not followed; put the file itself there")
        for path in (self.sheets, self.checkpoints, self.board, self.path / SOURCE_FOLDER):
            if path.is_symlink():
                raise Mistake(f"{path} is a link, which is not followed; put the folder itself there, "
                              f"or move all of {self} and make that a link")  # fmt: skip

    def tidy(self) -> None:
        """Throw away what killed processes were about to write."""
        drafts = [
            draft for place in (self.path, self.sheets, self.checkpoints) for draft in place.glob(f"{DRAFT_PREFIX}*")
        ]
        for draft in (*drafts, *self.checkpoints.glob(FOREIGN)):
            if draft.is_symlink() or not draft.is_dir():  # saddle makes no folders of such names
                draft.unlink(missing_ok=True)

    def remember_contents(self) -> None:
        """Remember what the run cannot do without, so that it can be put back."""
        self.kept = {}
        for path in (self.manifest, *(self.path / SOURCE_FOLDER).rglob("*.py")):
            with suppress(FileNotFoundError), open_to_read(path, self.path) as file:
                self.kept[path] = file.read()

    def restore_deleted(self) -> list[str]:
        """Put back what was deleted while the run plays; a sentence on each. Mistake where a link took its place."""
        self.check_no_links()
        lost = [path for path in (self.sheets, self.checkpoints) if not path.is_dir()]
        for path in lost:
            make_folder(path)
        for path, content in self.kept.items():
            if not path.exists():
                make_folder(path.parent)
                write_atomically(path, lambda draft, content=content: draft.write(content))  # type: ignore[misc]
                lost.append(path)
        return [f"{path} was deleted while the run played, and is made again" for path in lost]

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Nobody else writes into the run in here."""
        try:
            lock = open_to_append(self.path / LOCK_NAME, self.path)
        except OSError as error:
            raise Mistake(f"{self} cannot be written to: {error.strerror}") from None
        with lock:
            if not lock_patiently(lock):
                raise Mistake(f"{self} is being trained by another process just now")
            yield


def find_remote(url: str) -> RemoteRun:
    """What lies at a URL; raises Mistake with what is to be installed for it."""
    from .remote import RemoteRun  # which needs a run's folder

    return RemoteRun(url)


def is_source_file(file: Path) -> bool:
    """Is this a regular file of a source, whole or a draft?"""
    return is_regular_file(file) and (file.suffix == ".py" or file.name.startswith(DRAFT_PREFIX))


def make_numbered_folder(root: Path, name: str) -> Path:
    """The next free root/NNN-name, made."""
    root.mkdir(parents=True, exist_ok=True)
    for path in numbered_places(root, name):
        with suppress(FileExistsError):
            path.mkdir()
            return path
    raise AssertionError("the places end with a Mistake")


def numbered_places(root: Path, name: str) -> Iterator[Path]:
    """root/NNN-name from the first number on that no folder there has; Mistake where there are no more."""
    taken = [int(p.name[:3]) for p in root.iterdir() if p.name[:3].isdigit()] if root.is_dir() else []
    yield from (root / f"{i:03d}-{name}" for i in range(max(taken, default=0) + 1, 1000))
    raise Mistake(f"{root} holds 999 runs; name a folder with --out")


def suggest_runs(path: Path) -> str:
    """The runs that lie where one was looked for, the latest three."""
    near = sorted(p.parent for p in path.parent.glob("*/manifest.json")) if path.parent.is_dir() else []
    return f"; there are {', '.join(map(str, near[-3:]))}" if near else ""
