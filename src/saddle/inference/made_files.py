"""Files that are made of a user's pictures: none of theirs is lost for them."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from ..data.readers.image_formats import is_written_by_saddle, read_start
from ..errors import require
from ..runs.pictures import save_png, to_image
from ..runs.writing import check_file_writable, check_writable, make_parent
from .image_files import GivenImages

FRAME = re.compile(r"(?P<file>.*) \(frame (?P<number>\d+)\)")  # how the frames of one file are called
CODES_START = b"codes.npy"  # in an archive, after 30 bytes: what it holds first
SCORES_START = re.compile(rb"name,[a-z,]*score,above_threshold,")
DEVICE = re.compile(r"(?i)con|prn|aux|nul|(com|lpt)[0-9\u00b9\u00b2\u00b3]")
FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]')  # in the names of files, somewhere


class MadeFiles:
    """A folder that takes a PNG for each of some pictures, below it as those lie below theirs.

    `a.jpg` becomes `a.png`; of several that would be called alike each keeps its ending, `a.jpg.png`, and else has a
    number. Raises Mistake, before anything is written, where a file would be lost: one of the pictures themselves, or
    any that saddle has not made.
    """

    def __init__(self, folder: Path, given: GivenImages) -> None:
        require(not folder.exists() or folder.is_dir(), f"{folder} is a file; name a folder, or a new PNG for a sheet")
        check_writable(folder)
        self.paths = [folder / name for name in png_names(given.files)]
        for path in self.paths:
            check_replaceable(path, given)

    def save(self, places: Sequence[int], images: Iterable[Tensor]) -> None:
        """Write what was made of the pictures at these places, (channels, height, width) in [-1, 1] each."""
        for place, image in zip(places, images, strict=True):
            write_picture(to_image(image), self.paths[place])


def write_picture(image: Image.Image, path: Path) -> None:
    """Write a PNG, and the folders that it lies in."""
    make_parent(path)
    save_png(image, path)


def check_target(path: Path, given: GivenImages, ending: str) -> None:
    """Raise Mistake where a file of this ending cannot be made, or another would be lost for it."""
    require(path.suffix.lower() == ending, f"{path} does not end in {ending}")
    check_file_writable(path)
    check_replaceable(path, given)


def check_replaceable(path: Path, given: GivenImages) -> None:
    """Raise Mistake for a file that would be lost: one of the pictures, or any that saddle has not made."""
    if os.path.lexists(path):
        given.check_not_among(path)
    check_own(path)


def check_own(path: Path) -> None:
    """Raise Mistake for a file that is there and that saddle has not made."""
    own = not os.path.lexists(path) or is_replaceable(path)
    require(own, f"{path} is there already, and was not made by saddle; name another place")


def is_replaceable(path: Path) -> bool:
    """Is this a file of saddle's: a picture, codes or scores?"""
    try:
        start = read_start(path) if path.is_file() and not path.is_symlink() else b""
    except OSError:
        return False
    return is_written_by_saddle(start) or start[30:].startswith(CODES_START) or bool(SCORES_START.match(start))


def png_names(files: Sequence[str]) -> list[str]:
    """A name for each, all different, also where small and capital letters are the same."""
    short = [png_name(file, False) for file in files]
    many = Counter(name.lower() for name in short)
    names = [one if many[one.lower()] == 1 else png_name(file, True) for one, file in zip(short, files, strict=True)]
    taken: set[str] = set()
    for i, name in enumerate(names):
        stem, number = name.removesuffix(".png"), 1
        while name.lower() in taken:
            number += 1
            name = f"{stem}-{number}.png"
        taken.add(name.lower())
        names[i] = name
    return names


def unreserved(part: str) -> str:
    """A part of a path that Windows takes: there con, nul and others are devices, with any ending, in any folder."""
    stem, dot, ending = part.partition(".")
    stem = f"{stem}_" if DEVICE.fullmatch(stem.rstrip()) else stem
    return (stem + dot + ending).rstrip(". ") or part


def png_name(file: str, whole: bool) -> str:
    """The name of a PNG after that of a file; `whole` keeps the file's ending."""
    frame = FRAME.fullmatch(file)
    *folders, name = (frame["file"] if frame else file).split("/")
    stem = name if whole or "." not in name.lstrip(".") else name.rpartition(".")[0]
    inner = [part for part in folders if part not in ("", ".", "..")]
    return (
        FORBIDDEN.sub("-", "/".join(map(unreserved, [*inner, stem])))
        + (f"-{frame['number']}" if frame else "")
        + ".png"
    )
