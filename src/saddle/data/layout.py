"""What the names of folders say: which hold parts of a set for training or testing, and which are classes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import Mistake, nearest, plural
from .pile import Say
from .words import are, listed

Places = NDArray[np.int64]
PART = re.compile(
    r"(?:(?:images?|imgs?|data|pictures|photos)[-_ .]?)?"
    r"(?P<kind>train(?:ing|val)?|test(?:ing)?|val(?:id(?:ation)?)?|dev|eval(?:uation)?|holdout)"
    r"(?:[-_ .]?(?:set|split|data|images?|imgs?|pictures|photos|\d{1,4}))?(?:[-_ .]?(?P<domain>[ab]))?",
    re.IGNORECASE,
)
AFFIX = r"train(?:ing)?|test(?:ing)?|val(?:id(?:ation)?)?"
AFFIXED = re.compile(rf"(?:(?P<before>.+)[-_ .])?(?P<kind>{AFFIX})(?:[-_ .](?P<after>.+))?", re.IGNORECASE)
KINDS = {"train": "train", "training": "train", "trainval": "train", "test": "test", "testing": "test"}  # others: val
PORTION = re.compile(
    r"(?:part|batch|chunk|shard|portion|fold|split|subset|images?|imgs?|folder|dir|dis[ck]|volume)[-_ .]?\d+"
    r"|\d{3,}[-_]\d{3,}",  # from number to number
    re.IGNORECASE,
)
DIGITS = 5  # that the names of folders have which hold a thousand pictures each, as StyleGAN's tools and FFHQ have them
FEW = 4  # times as many must lie in folders, for files beside them not to count
DEEP = 3  # folders below which parts are not looked for


class Part(NamedTuple):
    """What a folder's name says: `train`, `test` or `val`, and what of: A or B in trainA, cats in cats_train."""

    kind: str
    domain: str = ""


Reading = Callable[[str], Part | None]


class View(NamedTuple):
    """Files as paths below the folders that all of them share, and their places among all files."""

    paths: list[str]
    places: Places

    def only(self, keep: Sequence[int]) -> View:
        return View([self.paths[i] for i in keep], self.places[list(keep)])


def top(path: str) -> str:
    """The first folder of a path, or nothing."""
    return path.partition("/")[0] if "/" in path else ""


def bare(paths: Sequence[str]) -> list[str]:
    """The paths without the folders that all of them lie in."""
    paths = list(paths)
    while paths and top(paths[0]) and len({top(path) for path in paths}) == 1:
        paths = [path.partition("/")[2] for path in paths]
    return paths


def part_of(folder: str) -> Part | None:
    """The part of a set that a folder of this name holds, if it is such a name: Train, testing, val2017, trainA."""
    match = PART.fullmatch(folder)
    if match is None:
        return None
    return Part(KINDS.get(match["kind"].lower(), "val"), (match["domain"] or "").upper())


def affixed(folder: str) -> Part | None:
    """The part that a folder of a name such as cats_train, test-dogs or DIV2K_valid_HR holds."""
    match = AFFIXED.fullmatch(folder)
    if match is None:
        return None
    return Part(KINDS.get(match["kind"].lower(), "val"), "_".join(filter(None, (match["before"], match["after"]))))


def reading(folders: set[str]) -> Reading | None:
    """How the names of folders tell parts, if all of them do: by themselves, or as parts of one thing."""
    if all(map(part_of, folders)):
        return part_of
    parts = [part for folder in folders if (part := affixed(folder))]
    one = len({part.domain for part in parts}) < len(set(parts))  # so that a crash_test and a steam_train are classes
    return affixed if one and len(parts) == len(folders) else None


def reading_among(folders: set[str]) -> Reading | None:
    """How the names of some folders tell parts, for training and others, of a set that has other folders beside."""
    for read in (part_of, affixed):
        parts = {part for folder in folders if (part := read(folder))}
        trained = {part.domain for part in parts if part.kind == "train"}
        if any(part.domain in trained and part.kind != "train" for part in parts):
            return read
    return None


def peeled(view: View) -> View:
    """Without the few files that lie beside folders with many, and without folders that all others lie in."""
    while True:
        paths = bare(view.paths)
        beside = [i for i, path in enumerate(paths) if "/" not in path]
        if not beside or len(beside) * FEW > len(paths) - len(beside):
            return View(paths, view.places)
        view = View(paths, view.places).only([i for i, path in enumerate(paths) if "/" in path])


def folders_at(paths: Sequence[str], level: int) -> list[str] | None:
    """Each path's folder at this depth; None where a path has none."""
    split = [path.split("/") for path in paths]
    return [parts[level] for parts in split] if all(len(parts) > level + 1 for parts in split) else None


def level_of_parts(paths: Sequence[str]) -> tuple[int, Reading] | None:
    """How deep the folders lie that are parts of the set, and how their names are read, if there are any."""
    for level in range(DEEP):
        folders = set(folders_at(paths, level) or ())
        if not folders:
            return None
        if found := reading(folders):
            several = found is affixed or len({part.kind for folder in folders if (part := part_of(folder))}) > 1
            return (level, found) if level == 0 or several else None
        if level == 0 and (found := reading_among(folders)):
            return level, found
    return None


def chosen(name: str, files: Sequence[str], part: str | None, say: Say) -> View:
    """The files of a part, `train` where there is one and none is asked for; raises Mistake for no such part."""
    whole = View(bare(files), np.arange(len(files)))
    view = peeled(whole)
    found = level_of_parts(view.paths)
    if found is None and part in (None, "all"):
        lone = sorted({top(path) for path in view.paths if part_of(top(path))})
        if part is None and lone:
            say(f"{name}: {listed(lone)} beside other folders {are(lone)} not taken for a part of the set; :{lone[0]} "
                "behind its name takes it alone")  # fmt: skip
        return whole
    if found is None:
        return below(name, whole, part or "")
    level, read = found
    folders = folders_at(view.paths, level) or []
    inner = [without(path, level, read) for path in view.paths]
    if part == "all":
        known = dict(zip(view.places.tolist(), inner, strict=True))
        paths = [known.get(place, path) for place, path in zip(whole.places.tolist(), whole.paths, strict=True)]
        return View(bare(paths), whole.places)
    wanted = used(name, set(zip(folders, map(top, view.paths), strict=True)), read, part, say)
    if stray := beside(whole, view):
        say(f"{name}: {plural(len(stray), 'picture')} beside the folders, {listed(stray, 1)}, {are(stray)} left out; "
            ":all behind its name takes all")  # fmt: skip
    view = View(inner, view.places).only(
        [i for i, folder in enumerate(folders) if (folder, top(view.paths[i])) in wanted]
    )
    return View(bare(view.paths), view.places)


def beside(whole: View, view: View) -> list[str]:
    """The files of a view that another has left out."""
    kept = set(view.places.tolist())
    return [path for path, place in zip(whole.paths, whole.places.tolist(), strict=True) if place not in kept]


def used(name: str, pairs: set[tuple[str, str]], read: Reading, part: str | None, say: Say) -> set[tuple[str, str]]:
    """Which folders are a part, each with the top folder that it lies in; raises Mistake for no such part."""
    if part is not None:
        want = part_of(part)
        exact = {pair for pair in pairs if part in pair}
        near = {pair for pair in pairs if part.lower() in (pair[0].lower(), pair[1].lower())}
        kind = {pair for pair in pairs if want and (own := read(pair[0])) and own.kind == want.kind}
        if not (exact or near or kind):
            raise Mistake(f"{name} has no folder {part}{nearest(part, named(pairs))}")
        return exact or near or kind
    train = {pair for pair in pairs if (own := read(pair[0])) and own.kind == "train"}
    taken, others = named(train), named(pairs - train)
    if not train:
        say(f"of {name} the folders {listed(others)} are used, for there is no folder train; :{others[0]} behind its "
            "name takes one")  # fmt: skip
    elif others:
        say(f"of {name} the folder{'s' * (len(taken) > 1)} {listed(taken)} {'are' if len(taken) > 1 else 'is'} used, "
            f"not {listed(others)}; :{others[0]} or :all behind its name takes others")  # fmt: skip
    return train or pairs


def named(pairs: set[tuple[str, str]]) -> list[str]:
    return sorted({folder for folder, _ in pairs})


def below(name: str, whole: View, part: str) -> View:
    """The files in a top folder; raises Mistake where there is none of this name."""
    tops = {top(path) for path in whole.paths} - {""}
    fit = {part} & tops or {folder for folder in tops if folder.lower() == part.lower()}
    if not fit:
        raise Mistake(f"{name} has no folder {part}{nearest(part, tops or ['no folders'])}")
    view = whole.only([i for i, path in enumerate(whole.paths) if top(path) in fit])
    return View(bare(view.paths), view.places)


def without(path: str, level: int, read: Reading) -> str:
    """A path without the folder that names its part; A or B of trainA or trainB stays."""
    parts = path.split("/")
    own = read(parts[level])
    return "/".join([*parts[:level], *([own.domain] if own and own.domain else []), *parts[level + 1 :]])


def classed(name: str, view: View, wish: str | None, say: Say) -> tuple[View, list[str] | None]:
    """The files that have a class by their top folders, with the classes; all files and None where there are none.

    `wish` is `folders` where each top folder shall be a class, whatever it looks like.
    """
    inner = peeled(view)
    if wish == "folders" and top_folders(inner) < 2:
        inside = view.only([i for i, path in enumerate(view.paths) if "/" in path])
        inner = View(bare(inside.paths), inside.places)
        if top_folders(inner) < 2:
            raise Mistake(f"{name} has no two folders of pictures, which could be classes; leave out --labels folders")
    if top_folders(inner) < 2:
        folders = sorted({top(path) for path in view.paths} - {""})
        if len(folders) > 1:
            say(f"{name}: no classes, for many pictures lie beside the folders {listed(folders)}; --labels folders "
                "takes only those in folders, with classes")  # fmt: skip
        return view, None
    classes = [unicodedata.normalize("NFC", top(path)) for path in inner.paths]
    shown = listed(sorted(set(classes)))
    if wish is None and portions(inner.paths):
        say(f"{name}: the folders {shown} are taken for portions of one set, not for classes; --labels folders makes "
            "them classes")  # fmt: skip
        within = joined(inner)
        return classed(name, within, wish, say) if within else (view, None)
    if stray := beside(view, inner):
        say(f"{name}: {plural(len(stray), 'picture')} beside the folders of classes, {listed(stray, 1)}, {are(stray)} "
            "left out; --labels none takes all, without classes")  # fmt: skip
    if wish is None:
        say(f"{name}: its folders are classes: {shown}; --labels none takes it without")
    return inner, classes


def joined(view: View) -> View | None:
    """The files of all portions together, where these hold the same folders."""
    pairs = [path.split("/")[:2] for path in view.paths if path.count("/") > 1]
    again = len({folder for _, folder in pairs}) < len(set(map(tuple, pairs)))
    return View([path.partition("/")[2] for path in view.paths], view.places) if again else None


def top_folders(view: View) -> int:
    """How many folders there are at the top; 0 where files lie beside them."""
    tops = {top(path) for path in view.paths}
    return 0 if "" in tops else len(tops)


def portions(paths: Sequence[str]) -> bool:
    """Do the top folders hold portions of one set, no classes: part1, part2; or 00000, 00001, numbered through?"""
    tops = sorted({top(path) for path in paths})
    if all(PORTION.fullmatch(folder) for folder in tops):
        return True
    if not all(folder.isascii() and folder.isdecimal() and len(folder) == len(tops[0]) for folder in tops):
        return False
    files = [path.rpartition("/")[2] for path in paths]
    through = len(set(files)) == len(files)  # a set of classes begins to count anew in each of them
    return through and len(tops[0]) >= DIGITS
