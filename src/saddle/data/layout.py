"""What the names of many files say: which are pictures, which are for training, which class each belongs to."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..errors import Mistake, nearest
from .pile import Pile, Say, numbered
from .pixels import ENDINGS
from .tables import Table

SPLITS = ("train", "training", "test", "testing", "val", "valid", "validation", "dev")


def picture(name: str) -> bool:
    """Does this path, with / between its folders, look like a picture that was meant to be one?"""
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))
    return name.lower().endswith(ENDINGS) and not hidden


def arranged(
    name: str, files: Sequence[str], read: Callable[[int], Image.Image], part: str | None, table: Table | None, say: Say
) -> Pile:
    """A pile of files by relative paths; `part` is a top folder, `train` where there is one and none is asked for."""
    inner, index = chosen(name, bare(files), part, say)
    pile = Pile(files, read).only(index)
    if table is not None:
        return table.label(pile, name, say)
    tops = {top(path) for path in inner}
    if len(tops) < 2 or "" in tops:
        return pile
    labels, classes = numbered(unicodedata.normalize("NFC", top(path)) for path in inner)
    return Pile(pile.keys, pile.read, labels, classes)


def chosen(name: str, inner: list[str], part: str | None, say: Say) -> tuple[list[str], NDArray[np.int64]]:
    """Which files are used: paths below the folders they share, and places; raises Mistake for no such part."""
    tops = sorted({top(path) for path in inner})
    splits = all(folder.lower() in SPLITS for folder in tops)
    if part is None and splits and len(tops) > 1 and "train" in tops:
        others = ", ".join(folder for folder in tops if folder != "train")
        say(f"of {name} the folder train is used, not {others}; :{tops[0]} or :all behind its name takes others")
        part = "train"
    if part is None:
        return inner, np.arange(len(inner))
    if part != "all" and part not in tops:
        raise Mistake(
            f"{name} has no folder {part}{nearest(part, [folder for folder in tops if folder] or ['no folders'])}"
        )
    index = np.array([i for i, path in enumerate(inner) if part in ("all", top(path))])
    below = [inner[i].partition("/")[2] if splits or part != "all" else inner[i] for i in index]
    return bare(below), index


def bare(paths: Sequence[str]) -> list[str]:
    """The paths without the folders that all of them lie in."""
    paths = list(paths)
    while paths and top(paths[0]) and len({top(path) for path in paths}) == 1:
        paths = [path.partition("/")[2] for path in paths]
    return paths


def top(path: str) -> str:
    """The first folder of a path, or nothing."""
    return path.partition("/")[0] if "/" in path else ""
