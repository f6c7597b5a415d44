"""Which files of a folder are meant: those of a part for training or testing, without the few that lie beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import Mistake, did_you_mean, format_count
from ...notices import Notify
from ..wording import is_or_are, join_names
from .split_names import SplitReader, find_split_reader, parse_affixed_split, parse_split, reading_among

FileIndices = NDArray[np.int64]
STRAY_RATIO = 4  # times as many must lie in folders, for files beside them not to count
MAX_SPLIT_DEPTH = 3  # folders below which parts are not looked for


class FileView(NamedTuple):
    """Files as paths below the folders that all of them share, and their places among all files."""

    paths: list[str]
    places: FileIndices

    def subset(self, keep: Sequence[int]) -> FileView:
        return FileView([self.paths[i] for i in keep], self.places[list(keep)])


def top_folder(path: str) -> str:
    """The first folder of a path, or nothing."""
    return path.partition("/")[0] if "/" in path else ""


def strip_common(paths: Sequence[str]) -> list[str]:
    """The paths without the folders that all of them lie in."""
    paths = list(paths)
    while paths and top_folder(paths[0]) and len({top_folder(path) for path in paths}) == 1:
        paths = [path.partition("/")[2] for path in paths]
    return paths


def strip_stray_files(view: FileView) -> FileView:
    """Without the few files that lie beside folders with many, and without folders that all others lie in."""
    while True:
        paths = strip_common(view.paths)
        beside = [i for i, path in enumerate(paths) if "/" not in path]
        if not beside or len(beside) * STRAY_RATIO > len(paths) - len(beside):
            return FileView(paths, view.places)
        view = FileView(paths, view.places).subset([i for i, path in enumerate(paths) if "/" in path])


def folders_at(paths: Sequence[str], level: int) -> list[str] | None:
    """Each path's folder at this depth; None where a path has none."""
    split = [path.split("/") for path in paths]
    return [parts[level] for parts in split] if all(len(parts) > level + 1 for parts in split) else None


def find_split_level(paths: Sequence[str]) -> tuple[int, SplitReader] | None:
    """How deep the folders lie that are parts of the set, and how their names are read, if there are any."""
    for level in range(MAX_SPLIT_DEPTH):
        folders = set(folders_at(paths, level) or ())
        if not folders:
            return None
        if found := find_split_reader(folders):
            several = (
                found is parse_affixed_split
                or len({part.kind for folder in folders if (part := parse_split(folder))}) > 1
            )
            return (level, found) if level == 0 or several else None
        if level == 0 and (found := reading_among(folders)):
            return level, found
    return None


def select_split(name: str, files: Sequence[str], part: str | None, say: Notify) -> FileView:
    """The files of a part, `train` where there is one and none is asked for; raises Mistake for no such part."""
    whole = FileView(strip_common(files), np.arange(len(files)))
    view = strip_stray_files(whole)
    found = find_split_level(view.paths)
    if found is None and part in (None, "all"):
        lone = sorted({top_folder(path) for path in view.paths if parse_split(top_folder(path))})
        if part is None and lone:
            say(f"{name}: {join_names(lone)} beside other folders {is_or_are(lone)} not taken for a part of the set; "
                f":{lone[0]} behind its name takes it alone")  # fmt: skip
        return whole
    if found is None:
        return select_top_folder(name, whole, part or "")
    level, read = found
    folders = folders_at(view.paths, level) or []
    inner = [strip_split_folder(path, level, read) for path in view.paths]
    if part == "all":
        known = dict(zip(view.places.tolist(), inner, strict=True))
        paths = [known.get(place, path) for place, path in zip(whole.places.tolist(), whole.paths, strict=True)]
        return FileView(strip_common(paths), whole.places)
    wanted = choose_folders(name, set(zip(folders, map(top_folder, view.paths), strict=True)), read, part, say)
    if stray := left_out_files(whole, view):
        say(f"{name}: {format_count(len(stray), 'picture')} beside the folders, {join_names(stray, 1)}, "
            f"{is_or_are(stray)} left out; "
            ":all behind its name takes all")  # fmt: skip
    view = FileView(inner, view.places).subset(
        [i for i, folder in enumerate(folders) if (folder, top_folder(view.paths[i])) in wanted]
    )
    return FileView(strip_common(view.paths), view.places)


def left_out_files(whole: FileView, view: FileView) -> list[str]:
    """The files of a view that another has left out."""
    kept = set(view.places.tolist())
    return [path for path, place in zip(whole.paths, whole.places.tolist(), strict=True) if place not in kept]


def choose_folders(
    name: str, pairs: set[tuple[str, str]], read: SplitReader, part: str | None, say: Notify
) -> set[tuple[str, str]]:
    """Which folders are a part, each with the top folder that it lies in; raises Mistake for no such part."""
    if part is not None:
        want = parse_split(part)
        exact = {pair for pair in pairs if part in pair}
        near = {pair for pair in pairs if part.lower() in (pair[0].lower(), pair[1].lower())}
        kind = {pair for pair in pairs if want and (own := read(pair[0])) and own.kind == want.kind}
        if not (exact or near or kind):
            raise Mistake(f"{name} has no folder {part}{did_you_mean(part, folder_names(pairs))}")
        return exact or near or kind
    train = {pair for pair in pairs if (own := read(pair[0])) and own.kind == "train"}
    taken, others = folder_names(train), folder_names(pairs - train)
    if not train:
        say(f"of {name} the folders {join_names(others)} are used, for there is no folder train; :{others[0]} behind "
            "its name takes one")  # fmt: skip
    elif others:
        say(f"of {name} the folder{'s' * (len(taken) > 1)} {join_names(taken)} {'are' if len(taken) > 1 else 'is'} "
            f"used, not {join_names(others)}; :{others[0]} or :all behind its name takes others")  # fmt: skip
    return train or pairs


def folder_names(pairs: set[tuple[str, str]]) -> list[str]:
    return sorted({folder for folder, _ in pairs})


def select_top_folder(name: str, whole: FileView, part: str) -> FileView:
    """The files in a top folder; raises Mistake where there is none of this name."""
    tops = {top_folder(path) for path in whole.paths} - {""}
    fit = {part} & tops or {folder for folder in tops if folder.lower() == part.lower()}
    if not fit:
        raise Mistake(f"{name} has no folder {part}{did_you_mean(part, tops or ['no folders'])}")
    view = whole.subset([i for i, path in enumerate(whole.paths) if top_folder(path) in fit])
    return FileView(strip_common(view.paths), view.places)


def strip_split_folder(path: str, level: int, read: SplitReader) -> str:
    """A path without the folder that names its part; A or B of trainA or trainB stays."""
    parts = path.split("/")
    own = read(parts[level])
    return "/".join([*parts[:level], *([own.domain] if own and own.domain else []), *parts[level + 1 :]])
