"""What lies at a path: pictures, an archive, an array, idx files, batches; or which of them lies near."""

from __future__ import annotations

import os
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

from ..errors import Mistake, require
from ..regular import KINDS
from .archive import archive
from .arrays import array
from .cifar import batches, is_cifar, is_mosaic, mosaics
from .folder import folder, refuse_made
from .formats import ends_as_picture, may_move, start_of
from .gathered import left_out
from .idx import idx, images_in, is_idx
from .pile import Pile, Say, Source, facts
from .prepare import Prepare
from .tables import WORDS
from .walk import File, Walk, walk

CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
DEEP = 2  # folders below the one that is named, in which sets are looked for: MNIST/raw
SEALED = (".tar", ".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".7z", ".rar", ".gz", ".xz", ".bz2", ".zst")
ARRAYS = (".zip", ".npz", ".npy")


def at(path: Path, part: str | None, prepare: Prepare, say: Say) -> Source:
    """The source that lies at a path, by what it looks like; raises Mistake where it is nothing known."""
    kind = stat.S_IFMT(os.stat(path).st_mode)
    if kind == stat.S_IFREG:
        return in_file(path, part, prepare, say)
    require(kind == stat.S_IFDIR, f"{path} is {KINDS.get(kind, 'something else')}, no file and no folder")
    known = in_files(path, part, prepare.range)
    if known is not None:
        return unlabelled(known, prepare)
    refuse_made(path)
    found = walk(path, prepare.follow_links)
    if not any(ends_as_picture(file.name) for file in found.files):
        sets = below(found)
        require(len(sets) < 2, f"{path} holds several sets; name one: {', '.join(map(str, sets))}")
        packed = [file.name for file in found.files if "/" not in file.name and file.name.lower().endswith(ARRAYS)]
        if sets:
            say(f"of {path} the set in {sets[0]} is used")
            return at(sets[0], part, prepare, say)
        if len(packed) == 1:
            say(f"of {path} the file {packed[0]} is used")
            left_out(str(path), [file.name for file in found.files if file.name != packed[0]], None, say)
            return in_file(path / packed[0], part, prepare, say)
    return folder(path, found, part, prepare, say)


def in_files(path: Path, part: str | None, range: str | None = None) -> Source | None:
    """The set whose files lie in this very folder, if they are of a form that is not pictures."""
    if images_in(path):
        fashion = any("fashion" in name.lower() for name in path.resolve().parts[-2:])
        return idx(path, part, CLOTHES if fashion else (), range)
    if is_cifar(path):
        return batches(path, part)
    return mosaics(path, part) if is_mosaic(path) else None


def below(found: Walk) -> list[Path]:
    """The folders not far below one that hold idx files or batches, as torchvision lays them out."""
    inner = {os.path.dirname(file.name) for file in found.files} - {""}
    near = sorted(name for name in inner if name.count("/") < DEEP)
    return [found.root / name for name in near if images_in(found.root / name) or is_cifar(found.root / name)]


def usual(path: Path) -> Path:
    """A set's folder, or the one below it that holds the files."""
    sets = below(walk(path)) if path.is_dir() and in_files(path, None) is None else []
    return sets[0] if len(sets) == 1 else path


def in_file(path: Path, part: str | None, prepare: Prepare, say: Say) -> Source:
    """The source in a file, by its ending, or by its content where that tells nothing."""
    ending = path.suffix.lower()
    if ending in (".npy", ".npz"):
        return unlabelled(array(path, part, prepare.range), prepare)
    if is_idx(path):
        labels = "labels" in path.name and "images" not in path.name
        require(
            not labels,
            f"{path} holds labels; name the file of pictures beside it, or the folder {path.parent}",
        )
        require(part is None, f"{path} is one file and has no part {part}; name its folder, {path.parent}:{part}")
        return unlabelled(idx(path, range=prepare.range), prepare)
    require(not is_cifar(path.parent), f"{path} is one file of a set; name its folder, {path.parent}")
    if ends_as_picture(path.name) and prepare.frames == "all":
        return folder(path.parent, Walk(path.parent, [File(path.name, facts(path))]), part, prepare, say)
    if ends_as_picture(path.name):
        more = ", or say --frames all to use its frames" if may_move(start_of(path)) else ""
        raise Mistake(f"{path} is a single picture; name the folder that holds it and others{more}")
    if ending == ".zip" or zipfile.is_zipfile(path):
        return archive(path, part, prepare, say)
    if path.name.lower().endswith(SEALED):
        raise Mistake(f"{path} is an archive that is not read; unpack it (tar -xf, gunzip), and name the folder")
    raise Mistake(f"{path} is no data that can be read: a folder or a zip of pictures, .npy, .npz or idx was expected")


def unlabelled(source: Source, prepare: Prepare) -> Source:
    """A source that has labels of its own or none: those it has, or none if that is asked for."""
    if prepare.labels == WORDS[0]:
        return replace(source, open=lambda say: without(source.open(say)))
    require(
        prepare.labels is None,
        f"a table of labels goes with files of pictures; {source.name} has labels of its own or none",
    )
    return source


def without(pile: Pile) -> Pile:
    """The pile without labels."""
    return replace(pile, labels=None, classes=())
