"""What a folder's name says of the part of a set that it holds: Train, testing, val2017, trainA, cats_train."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

SPLIT_PATTERN = re.compile(
    r"(?:(?:images?|imgs?|data|pictures|photos)[-_ .]?)?"
    r"(?P<kind>train(?:ing|val)?|test(?:ing)?|val(?:id(?:ation)?)?|dev|eval(?:uation)?|holdout)"
    r"(?:[-_ .]?(?:set|split|data|images?|imgs?|pictures|photos|\d{1,4}))?(?:[-_ .]?(?P<domain>[ab]))?",
    re.IGNORECASE,
)
SPLIT_AFFIX = r"train(?:ing)?|test(?:ing)?|val(?:id(?:ation)?)?"
AFFIXED_PATTERN = re.compile(
    rf"(?:(?P<before>.+)[-_ .])?(?P<kind>{SPLIT_AFFIX})(?:[-_ .](?P<after>.+))?", re.IGNORECASE
)
SPLIT_KINDS = {
    "train": "train",
    "training": "train",
    "trainval": "train",
    "test": "test",
    "testing": "test",
}  # others: val


class FolderSplit(NamedTuple):
    """What a folder's name says: `train`, `test` or `val`, and what of: A or B in trainA, cats in cats_train."""

    kind: str
    domain: str = ""


SplitReader = Callable[[str], FolderSplit | None]


def parse_split(folder: str) -> FolderSplit | None:
    """The part of a set that a folder of this name holds, if it is such a name: Train, testing, val2017, trainA."""
    match = SPLIT_PATTERN.fullmatch(folder)
    if match is None:
        return None
    return FolderSplit(SPLIT_KINDS.get(match["kind"].lower(), "val"), (match["domain"] or "").upper())


def parse_affixed_split(folder: str) -> FolderSplit | None:
    """The part that a folder of a name such as cats_train, test-dogs or DIV2K_valid_HR holds."""
    match = AFFIXED_PATTERN.fullmatch(folder)
    if match is None:
        return None
    return FolderSplit(
        SPLIT_KINDS.get(match["kind"].lower(), "val"), "_".join(filter(None, (match["before"], match["after"])))
    )


def find_split_reader(folders: set[str]) -> SplitReader | None:
    """How the names of folders tell parts, if all of them do: by themselves, or as parts of one thing."""
    if all(map(parse_split, folders)):
        return parse_split
    parts = [part for folder in folders if (part := parse_affixed_split(folder))]
    one = len({part.domain for part in parts}) < len(set(parts))  # so that a crash_test and a steam_train are classes
    return parse_affixed_split if one and len(parts) == len(folders) else None


def reading_among(folders: set[str]) -> SplitReader | None:
    """How the names of some folders tell parts, for training and others, of a set that has other folders beside."""
    for read in (parse_split, parse_affixed_split):
        parts = {part for folder in folders if (part := read(folder))}
        trained = {part.domain for part in parts if part.kind == "train"}
        if any(part.domain in trained and part.kind != "train" for part in parts):
            return read
    return None
