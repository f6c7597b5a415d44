"""What `--data` takes: embedded sets, paths, and well-known sets by name."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

from ..errors import Mistake, nearest, require
from .archive import archive
from .arrays import array
from .cifar import batches, is_cifar, is_mosaic, mosaics
from .folder import folder, pictures
from .hub import hub
from .idx import idx, images_in, is_idx
from .named import NAMES, REPOSITORIES, STACKED
from .pile import Pile, Say, Source, of_array, written
from .pixels import ENDINGS
from .prepare import Prepare
from .stacked import stacked

CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
HUB = "hf:"


def find(text: str, prepare: Prepare) -> Source:
    """The source that a word or path means; raises Mistake where there is none of that name."""
    name, part = split(text)
    if name == "glyphs":
        require(
            part is None and prepare.labels is None,
            "glyphs has neither parts nor a table of labels: they are its characters",
        )
        return glyphs(prepare)
    if name in STACKED:
        return unlabelled(stacked(name, part, here("mnist")), prepare)
    if text.startswith(HUB):
        repository, _, part_ = text.removeprefix(HUB).partition(":")
        return unlabelled(hub(repository, repository, part_ or None), prepare)
    if Path(name).exists():
        return at(Path(name), part, prepare)
    home = here(name)
    if home is not None:
        source = at(home, part, prepare)
        return Source(text, source.stamp, source.open)
    if name in REPOSITORIES:
        return unlabelled(hub(name, REPOSITORIES[name], part), prepare)
    raise Mistake(lost(name))


def split(text: str) -> tuple[str, str | None]:
    """A source's name and the part of it that is asked for: `mnist:test`; a path may hold colons of its own."""
    name, colon, part = text.rpartition(":")
    if not colon or Path(text).exists() or "/" in part or "\\" in part or not name:
        return text, None
    return name, part


def here(name: str) -> Path | None:
    """The folder of a well-known set below the one that SADDLE_DATA names, if it is there."""
    home = os.environ.get("SADDLE_DATA")
    path = Path(home) / name if home and name else None
    return path if path is not None and path.exists() else None


def lost(name: str) -> str:
    """A sentence for a source that is not there."""
    if any(sign in name for sign in "/\\.~"):
        return f"there is no file or folder {name}"
    home = os.environ.get("SADDLE_DATA")
    known = [
        *NAMES,
        *(sorted(path.name for path in Path(home).iterdir() if path.is_dir()) if home and Path(home).is_dir() else []),
    ]
    return f"there is no file, folder or data set {name}{nearest(name, known)}"


def at(path: Path, part: str | None, prepare: Prepare) -> Source:
    """The source that lies at a path, by what it looks like; raises Mistake where it is nothing known."""
    if path.is_file():
        return in_file(path, part, prepare)
    if images_in(path):
        return unlabelled(idx(path, part, CLOTHES if "fashion" in path.name else (), prepare.range), prepare)
    if is_cifar(path):
        return unlabelled(batches(path, part), prepare)
    if is_mosaic(path):
        return unlabelled(mosaics(path, part), prepare)
    packed = [file for file in sorted(path.iterdir()) if file.suffix.lower() in (".zip", ".npz", ".npy")]
    if len(packed) == 1 and not pictures(path):
        return in_file(packed[0], part, prepare)
    return folder(path, part, prepare.labels)


def in_file(path: Path, part: str | None, prepare: Prepare) -> Source:
    """The source in a file, by its ending."""
    ending = path.suffix.lower()
    if ending == ".zip":
        return archive(path, part, prepare.labels)
    if ending in (".npy", ".npz"):
        return unlabelled(array(path, part, prepare.range), prepare)
    if is_idx(path):
        require(part is None, f"{path} is one file and has no part {part}")
        return unlabelled(idx(path, range=prepare.range), prepare)
    if ending in ENDINGS:
        raise Mistake(f"{path} is a single picture; name the folder that holds it and others")
    raise Mistake(f"{path} is no data that can be read: a folder or a zip of pictures, .npy, .npz or idx was expected")


def unlabelled(source: Source, prepare: Prepare) -> Source:
    require(
        prepare.labels is None,
        f"a table of labels goes with files of pictures; {source.name} has labels of its own or none",
    )
    return source


def glyphs(prepare: Prepare) -> Source:
    """The embedded characters, drawn at the size that is asked for."""
    size, channels = prepare.size or 32, 3 if prepare.channels in (3, 4) else 1

    def open_(say: Say) -> Pile:
        from .glyphs import COUNT
        from .glyphs import glyphs as drawn

        return of_array(*drawn(prepare.stored or size, channels, count=prepare.limit or COUNT))

    drawing = written(Path(__file__).with_name("glyphs.py"))
    return Source("glyphs", (*drawing, version("pillow"), version("matplotlib"), size, channels), open_)
