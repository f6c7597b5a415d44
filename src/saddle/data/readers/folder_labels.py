"""Which folders are classes, and which are portions of one set."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from ...errors import Mistake, format_count
from ...notices import Notify
from ..wording import is_or_are, join_names
from .folder_layout import FileView, left_out_files, strip_common, strip_stray_files, top_folder

PORTION_PATTERN = re.compile(
    r"(?:part|batch|chunk|shard|portion|fold|split|subset|images?|imgs?|folder|dir|dis[ck]|volume)[-_ .]?\d+"
    r"|\d{3,}[-_]\d{3,}",  # from number to number
    re.IGNORECASE,
)
NUMBERED_DIGITS = 5  # of the names of folders of a thousand pictures each, as StyleGAN's tools and FFHQ have them


def label_by_folder(name: str, view: FileView, wish: str | None, say: Notify) -> tuple[FileView, list[str] | None]:
    """The files that have a class by their top folders, with the classes; all files and None where there are none.

    `wish` is `folders` where each top folder shall be a class, whatever it looks like.
    """
    inner = strip_stray_files(view)
    if wish == "folders" and count_top_folders(inner) < 2:
        inside = view.subset([i for i, path in enumerate(view.paths) if "/" in path])
        inner = FileView(strip_common(inside.paths), inside.places)
        if count_top_folders(inner) < 2:
            raise Mistake(f"{name} has no two folders of pictures, which could be classes; leave out --labels folders")
    if count_top_folders(inner) < 2:
        folders = sorted({top_folder(path) for path in view.paths} - {""})
        if len(folders) > 1:
            say(f"{name}: no classes, for many pictures lie beside the folders {join_names(folders)}; --labels folders "
                "takes only those in folders, with classes")  # fmt: skip
        return view, None
    classes = [unicodedata.normalize("NFC", top_folder(path)) for path in inner.paths]
    shown = join_names(sorted(set(classes)))
    if wish is None and has_portions(inner.paths):
        say(f"{name}: the folders {shown} are taken for portions of one set, not for classes; --labels folders makes "
            "them classes")  # fmt: skip
        within = join_portions(inner)
        return label_by_folder(name, within, wish, say) if within else (view, None)
    if stray := left_out_files(view, inner):
        say(f"{name}: {format_count(len(stray), 'picture')} beside the folders of classes, {join_names(stray, 1)}, "
            f"{is_or_are(stray)} left out; --labels none takes all, without classes")  # fmt: skip
    if wish is None:
        say(f"{name}: its folders are classes: {shown}; --labels none takes it without")
    return inner, classes


def join_portions(view: FileView) -> FileView | None:
    """The files of all portions together, where these hold the same folders."""
    pairs = [path.split("/")[:2] for path in view.paths if path.count("/") > 1]
    again = len({folder for _, folder in pairs}) < len(set(map(tuple, pairs)))
    return FileView([path.partition("/")[2] for path in view.paths], view.places) if again else None


def count_top_folders(view: FileView) -> int:
    """How many folders there are at the top; 0 where files lie beside them."""
    tops = {top_folder(path) for path in view.paths}
    return 0 if "" in tops else len(tops)


def has_portions(paths: Sequence[str]) -> bool:
    """Do the top folders hold portions of one set, no classes: part1, part2; or 00000, 00001, numbered through?"""
    tops = sorted({top_folder(path) for path in paths})
    if all(PORTION_PATTERN.fullmatch(folder) for folder in tops):
        return True
    if not all(folder.isascii() and folder.isdecimal() and len(folder) == len(tops[0]) for folder in tops):
        return False
    files = [path.rpartition("/")[2] for path in paths]
    through = len(set(files)) == len(files)  # a set of classes begins to count anew in each of them
    return through and len(tops[0]) >= NUMBERED_DIGITS
