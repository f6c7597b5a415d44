"""What lies at a path: pictures, an archive, an array, idx files, batches; or which of them lies near."""

from __future__ import annotations

import os
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

from ...errors import Mistake, require
from ...notices import Notify
from ...regular import FILE_KINDS
from ..prepare import Prepare
from ..undecoded import DataSource, UndecodedImages, file_identity
from .arrays import array_source
from .arrow import WRITTEN_BESIDE, arrow_source, is_arrow
from .cifar import cifar_source, is_cifar, is_mosaic, mosaic_source
from .folder import check_not_made_by_saddle, folder_source
from .idx import find_idx_images, idx_source, is_idx
from .image_files import report_left_out
from .image_formats import has_image_ending, may_have_frames, read_start
from .label_tables import LABEL_KEYWORDS
from .parquet import is_parquet, parquet_source
from .shards import LocalShard
from .tars import is_tar, tar_source
from .walk import File, FolderWalk, walk_folder
from .zips import zip_source

FASHION_CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
MAX_SET_DEPTH = 2  # folders below the one that is named, in which sets are looked for: MNIST/raw
UNREAD_ARCHIVES = (".tgz", ".tar.gz", ".tar.xz", ".tar.bz2", ".7z", ".rar", ".gz", ".xz", ".bz2", ".zst")
SINGLE_FILE_ENDINGS = (".zip", ".npz", ".npy", ".tar")


def source_from_path(path: Path, part: str | None, prepare: Prepare, say: Notify) -> DataSource:
    """The source that lies at a path, by what it looks like; raises Mistake where it is nothing known."""
    kind = stat.S_IFMT(os.stat(path).st_mode)
    if kind == stat.S_IFREG:
        return source_from_file(path, part, prepare, say)
    require(kind == stat.S_IFDIR, f"{path} is {FILE_KINDS.get(kind, 'something else')}, no file and no folder")
    known = source_from_known_files(path, part, prepare.range)
    if known is not None:
        return with_own_labels(known, prepare)
    check_not_made_by_saddle(path)
    found = walk_folder(path, prepare.follow_links)
    if not any(has_image_ending(file.name) for file in found.files):
        sets = find_sets_below(found)
        require(len(sets) < 2, f"{path} holds several sets; name one: {', '.join(map(str, sets))}")
        shards = [file.name for file in found.files if file.name.lower().endswith(".tar")]
        packed = [
            file.name
            for file in found.files
            if "/" not in file.name and file.name.lower().endswith(SINGLE_FILE_ENDINGS)
        ]
        if sets:
            say(f"of {path} the set in {sets[0]} is used")
            return source_from_path(sets[0], part, prepare, say)
        if len(packed) == 1:
            say(f"of {path} the file {packed[0]} is used")
            report_left_out(str(path), [file.name for file in found.files if file.name != packed[0]], None, say)
            return source_from_file(path / packed[0], part, prepare, say)
        if tables := [file.name for file in found.files if is_parquet(file.name)]:
            report_left_out(str(path), [file.name for file in found.files if file.name not in tables], None, say)
            files = [LocalShard(name, path / name) for name in tables]
            return parquet_source(str(path), path.resolve().name, files, part, prepare, say)
        if tables := [file.name for file in found.files if is_arrow(file.name)]:
            own = (*tables, *(file.name for file in found.files if file.name.endswith(WRITTEN_BESIDE)))
            report_left_out(str(path), [file.name for file in found.files if file.name not in own], None, say)
            files = [LocalShard(name, path / name) for name in tables]
            return arrow_source(str(path), path.resolve().name, files, part, prepare, say)
        if shards:
            report_left_out(str(path), [file.name for file in found.files if file.name not in shards], None, say)
            tars = [LocalShard(name, path / name) for name in shards]
            return tar_source(str(path), path.resolve().name, (path, path.parent), tars, part, prepare, say)
    return folder_source(path, found, part, prepare, say)


def source_from_known_files(path: Path, part: str | None, range: str | None = None) -> DataSource | None:
    """The set whose files lie in this very folder, if they are of a form that is not pictures."""
    if find_idx_images(path):
        fashion = any("fashion" in name.lower() for name in path.resolve().parts[-2:])
        return idx_source(path, part, FASHION_CLASSES if fashion else (), range)
    if is_cifar(path):
        return cifar_source(path, part)
    return mosaic_source(path, part) if is_mosaic(path) else None


def find_sets_below(found: FolderWalk) -> list[Path]:
    """The folders not far below one that hold idx files or batches, as torchvision lays them out."""
    inner = {os.path.dirname(file.name) for file in found.files} - {""}
    near = sorted(name for name in inner if name.count("/") < MAX_SET_DEPTH)
    return [found.root / name for name in near if find_idx_images(found.root / name) or is_cifar(found.root / name)]


def find_set_folder(path: Path) -> Path:
    """A set's folder, or the one below it that holds the files."""
    sets = find_sets_below(walk_folder(path)) if path.is_dir() and source_from_known_files(path, None) is None else []
    return sets[0] if len(sets) == 1 else path


def source_from_file(path: Path, part: str | None, prepare: Prepare, say: Notify) -> DataSource:
    """The source in a file, by its ending, or by its content where that tells nothing."""
    ending = path.suffix.lower()
    if ending in (".npy", ".npz"):
        return with_own_labels(array_source(path, part, prepare.range), prepare)
    if is_idx(path):
        labels = "labels" in path.name and "images" not in path.name
        require(
            not labels,
            f"{path} holds labels; name the file of pictures beside it, or the folder {path.parent}",
        )
        require(part is None, f"{path} is one file and has no part {part}; name its folder, {path.parent}:{part}")
        return with_own_labels(idx_source(path, range=prepare.range), prepare)
    require(not is_cifar(path.parent), f"{path} is one file of a set; name its folder, {path.parent}")
    if has_image_ending(path.name) and prepare.frames == "all":
        return folder_source(
            path.parent, FolderWalk(path.parent, [File(path.name, file_identity(path))]), part, prepare, say
        )
    if has_image_ending(path.name):
        more = ", or say --frames all to use its frames" if may_have_frames(read_start(path)) else ""
        raise Mistake(f"{path} is a single picture; name the folder that holds it and others{more}")
    if ending == ".zip" or zipfile.is_zipfile(path):
        return zip_source(path, part, prepare, say)
    if is_parquet(path.name):
        return parquet_source(str(path), path.stem, [LocalShard(path.name, path)], part, prepare, say)
    if is_arrow(path.name):
        return arrow_source(str(path), path.stem, [LocalShard(path.name, path)], part, prepare, say)
    if path.name.lower().endswith(UNREAD_ARCHIVES):
        raise Mistake(f"{path} is an archive that is not read; unpack it (tar -xf, gunzip), and name the folder")
    if is_tar(path):
        return tar_source(str(path), path.stem, (path.parent,), [LocalShard(path.name, path)], part, prepare, say)
    raise Mistake(f"{path} is no data that can be read: a folder or a zip of pictures, .npy, .npz or idx was expected")


def with_own_labels(source: DataSource, prepare: Prepare) -> DataSource:
    """A source that has labels of its own or none: those it has, or none if that is asked for."""
    if prepare.labels == LABEL_KEYWORDS[0]:
        return replace(source, open=lambda say: without_labels(source.open(say)))
    require(
        prepare.labels is None,
        f"a table of labels goes with files of pictures; {source.name} has labels of its own or none",
    )
    return source


def without_labels(pile: UndecodedImages) -> UndecodedImages:
    """The pile without labels."""
    return replace(pile, labels=None, classes=())
