"""Rows of a table and the pictures they mean: by path or its end, in another case, with another ending or none."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ...errors import format_count, require
from ...notices import Notify
from ..undecoded import UndecodedImages, to_class_labels
from ..wording import is_or_are, join_names
from .image_formats import has_image_ending

PathParts = tuple[str, ...]
NO_CLASS = ("", "nan", "null", "n/a", "#n/a", "<na>")  # what tables write for a class that is not known


class LabelRow(NamedTuple):
    """What a table says of a file."""

    path: str
    value: str  # the class; nothing where it is not known


class ImagePath(NamedTuple):
    """A picture's path, with the folder that holds the data, and how many of its parts are its own."""

    parts: PathParts
    own: int


def split_path(path: str) -> PathParts:
    """A path's folders and file, however they are divided; `.` and what stands before `..` are left out."""
    parts: list[str] = []
    text = path.strip() if path.isascii() else unicodedata.normalize("NFC", path.strip())
    for part in text.replace("\\", "/").split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return tuple(parts)


def strip_image_ending(name: str) -> str:
    return name.rpartition(".")[0] if has_image_ending(name) else name


SPELLINGS: tuple[Callable[[str], str], ...] = (
    str,
    str.casefold,
    lambda name: strip_image_ending(name).casefold(),
)  # of a file's name, from the strictest to the freest


class ImageNames:
    """Pictures by their names."""

    def __init__(self, folder: str, paths: Iterable[str]) -> None:
        """Of a folder of this name; paths are relative to it, without folders that all of them lie in."""
        inner = [split_path(path) for path in paths]
        self.names = [ImagePath((folder, *parts), len(parts)) for parts in inner]
        self.by: list[dict[str, list[int]]] = []  # places by names in each spelling, made when it is first needed

    def __len__(self) -> int:
        return len(self.names)

    def places_by_spelling(self, level: int) -> dict[str, list[int]]:
        """The places of the pictures by their files' names in a spelling."""
        while len(self.by) <= level:
            index = defaultdict[str, list[int]](list)
            for place, name in enumerate(self.names):
                index[SPELLINGS[len(self.by)](name.parts[-1])].append(place)
            self.by.append(dict(index))
        return self.by[level]

    def find_matches(self, path: str) -> list[tuple[int, int]]:
        """The pictures that a path may mean, each with how well it fits; of several spellings the strictest."""
        parts = split_path(path)
        if not parts:
            return []
        for level, spelling in enumerate(SPELLINGS):
            near = self.places_by_spelling(level).get(spelling(parts[-1]), ())
            fits = [
                (place, (len(SPELLINGS) - level) * 1000 + n)
                for place in near
                if (n := self.count_shared_parts(place, parts))
            ]
            if fits:
                return fits
        return []

    def count_shared_parts(self, place: int, parts: PathParts) -> int:
        """How many last parts are also a picture's; 0 unless they are the whole path or all of the picture's own."""
        name, n = self.names[place], 1
        for mine, other in zip(name.parts[-2::-1], parts[-2::-1], strict=False):
            if mine.casefold() != other.casefold():
                break
            n += 1
        return n if n == len(parts) or n >= name.own else 0


def with_table_labels(
    pile: UndecodedImages, pictures: ImageNames, rows: Sequence[LabelRow], table: str, column: str, say: Notify
) -> UndecodedImages:
    """The pile with the classes of a table; pictures without one, or with several, are left out.

    `say` gets a sentence for all that does not fit; raises Mistake where no picture has a class, or nearly all a class
    of its own.
    """
    fits, lost = match_rows(pictures, rows)
    require(any(fits),
            f"no picture is named in {table}; its rows read like {describe_rows(rows)}, the pictures' names like "
                       f"{pile.keys[0]!r}")  # fmt: skip
    values = [sorted({rows[row].value for row in best}) for best in fits]
    index = np.array([i for i, found in enumerate(values) if len(found) == 1 and found[0]], dtype=np.int64)
    for sentence in describe_mismatches(pile, pictures, rows, fits, values, lost, table, column):
        say(sentence)
    require(len(index) > 0, f"column {column} of {table} has no class for any picture")
    labels, classes = to_class_labels(trim_whole_numbers([values[i][0] for i in index]))
    check_class_count(len(classes), len(index), f"column {column} of {table} has")
    kept = pile if len(index) == len(pile) else pile.subset(index)
    return UndecodedImages(kept.keys, kept.read, labels, classes)


def check_class_count(classes: int, samples: int, has: str) -> None:
    """Refuse so many different values of so many samples that they are no classes."""
    require(classes <= max(100, samples // 4), f"{has} {classes:,} different values: too many for classes")


def match_rows(pictures: ImageNames, rows: Sequence[LabelRow]) -> tuple[list[list[int]], list[int]]:
    """For each picture the rows that fit it best, and the rows that fit none."""
    best, fits, lost = [0] * len(pictures), [list[int]() for _ in range(len(pictures))], []
    for number, row in enumerate(rows):
        meant = pictures.find_matches(row.path)
        if not meant:
            lost.append(number)
        for place, score in meant:
            if score > best[place]:
                best[place], fits[place] = score, []
            if score == best[place]:
                fits[place].append(number)
    return fits, lost


def describe_mismatches(pile: UndecodedImages, pictures: ImageNames, rows: Sequence[LabelRow],
                        fits: Sequence[Sequence[int]],
                        values: Sequence[Sequence[str]], lost: Sequence[int], table: str,
                        column: str) -> Iterator[str]:  # fmt: skip
    """What does not fit between pictures and rows, in sentences."""
    without = [i for i, found in enumerate(values) if not found or list(found) == [""]]
    if without:
        keys = join_names([pile.keys[i] for i in without], 1)
        count = format_count(len(without), "picture")
        yield f"{count} without a {column} in {table}, {keys}, {is_or_are(without)} left out"
    many = [i for i, found in enumerate(values) if len(found) > 1]
    if many:
        said = " and ".join(value or "nothing" for value in values[many[0]][:3])
        example = f"such as {pile.keys[many[0]]} ({said})"
        count = format_count(len(many), "picture")
        yield f"{count} with several classes in {table}, {example}, {is_or_are(many)} left out"
    if lost:
        mean = "means" if len(lost) == 1 else "mean"
        yield f"{format_count(len(lost), 'row')} of {table} {mean} no picture here, such as {rows[lost[0]].path}"
    used: dict[int, int] = {}
    for place, best in enumerate(fits):
        again = (row for row in best if row in used and pictures.names[used[row]] != pictures.names[place])
        twice = next(again, None)  # but for further frames of one file
        if twice is not None:
            both = f"{rows[twice].path} is {pile.keys[used[twice]]} and {pile.keys[place]}"
            yield f"a name in {table} means several pictures, and all have its class: {both}; folders tell them apart"
            return
        used |= dict.fromkeys(best, place)


def describe_rows(rows: Sequence[LabelRow]) -> str:
    return repr(rows[0].path) if rows else "nothing"


def parse_class(value: str) -> str:
    """A class as a table writes it, or nothing for one that is not known."""
    return "" if value.strip().casefold() in NO_CLASS else value.strip()


def trim_whole_numbers(values: list[str]) -> list[str]:
    """Classes; where all of them are whole numbers without the zeros behind the point: 1 for 1.0, as tables have it."""
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        return values
    pointed = any("." in value for value in values)
    plain = pointed and all(number.is_integer() and abs(number) < 2**53 for number in numbers)
    return [str(int(number)) for number in numbers] if plain else values
