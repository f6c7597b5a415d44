"""Files of a folder or an archive become a pile: which are pictures, which are used, which class each has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image

from ..errors import Mistake, plural, quoted, require
from .formats import PACKED, by_saddle, ending, ends_as_picture, may_be_picture, may_move
from .layout import View, bare, chosen, classed
from .matching import Pictures, labelled
from .pile import Pile, Say, numbered
from .pixels import strict
from .tables import METADATA, Table, read_json
from .words import are, them

JSON = "dataset.json"  # StyleGAN's classes
FRAMES = 100_000  # more than that of one file are not taken
TYPES = 8  # endings that a sentence names


@dataclass(frozen=True, eq=False)
class Files:
    """Files by relative path, with / between folders, that may be pictures, and how to read them."""

    name: str  # of what holds them
    paths: Sequence[str]
    start: Callable[[int], bytes]  # the first bytes of one
    read: Callable[[int], Image.Image]  # the picture in one, to be used in a `with`
    json: tuple[str, Callable[[], bytes]] | None = None  # the path of a dataset.json among them, and its content


def piled(files: Files, part: str | None, labels: str | Table | None, frames: str, say: Say) -> Pile:
    """The pile; `part` is a folder, `train` where there is one and none is asked for; `labels` a table, or a word.

    `frames` is `all` where further frames of a file are pictures, too.
    """
    single = list(pictures_of(files, say))
    require(bool(single), f"{files.name} holds no pictures")
    view = chosen(files.name, [files.paths[i] for i in single], part, say)
    shots = framed(files, [(place, single[place]) for place in view.places.tolist()], frames, say)
    number = {place: i for i, place in enumerate(view.places.tolist())}
    view = view.only([number[shot.place] for shot in shots])
    inner = bare([files.paths[i] for i in single])
    inner = [inner[shot.place] for shot in shots]
    whole = Pile([shot.key(files) for shot in shots], lambda i: shots[i].read(files))
    if isinstance(labels, Table):
        return labels.label(whole, Pictures(files.name, inner), say)
    if labels is None and (found := by_json(files, whole, inner, say)):
        return found
    if labels == "none":
        return whole
    return by_folders(files, whole, view, labels, say)


class Shot(NamedTuple):
    """A frame of a file."""

    place: int  # of the file among the pictures
    file: int  # its place among all files
    frame: int = 0

    def key(self, files: Files) -> str:
        return files.paths[self.file] + (f" (frame {self.frame + 1})" if self.frame else "")

    def read(self, files: Files) -> Image.Image:
        image = files.read(self.file)
        if self.frame:
            image.seek(self.frame)
        return image


def framed(files: Files, places: Sequence[tuple[int, int]], frames: str, say: Say) -> list[Shot]:
    """The first frame of each file, or all of them; of files that can have several, that is said if they do."""
    shots: list[Shot] = []
    several: list[str] = []
    with strict():
        for place, file in places:
            count = count_frames(files, file) if may_move(begun(files, file)) else 1
            shots += [Shot(place, file, frame) for frame in range(count if frames == "all" else 1)]
            several += [files.paths[file]] * (count > 1)
    if several and frames != "all":
        say(f"{files.name}: of {plural(len(several), 'file')} with further frames, such as {several[0]}, the first is "
            "used; --frames all takes all")  # fmt: skip
    return shots


def count_frames(files: Files, place: int) -> int:
    """How many frames a file has; 1 where that cannot be told, for reading it whole will say why."""
    try:
        with files.read(place) as image:
            return min(int(getattr(image, "n_frames", 1)), FRAMES)
    except Exception:
        return 1


def by_folders(files: Files, pile: Pile, view: View, wish: str | None, say: Say) -> Pile:
    """The pile with its top folders as classes, where they are such."""
    local = View(view.paths, view.places * 0 + range(len(view.paths)))
    kept, classes = classed(files.name, local, wish, say)
    if classes is None:
        return pile
    kept_pile = pile if len(kept.paths) == len(pile) else pile.only(kept.places)
    return Pile(kept_pile.keys, kept_pile.read, *numbered(classes))


def by_json(files: Files, pile: Pile, inner: Sequence[str], say: Say) -> Pile | None:
    """The pile with the classes of a dataset.json beside the pictures, where there is one of StyleGAN's."""
    if files.json is None:
        return None
    path, read = files.json
    try:
        rows = read_json(read(), path)
        if rows is None:
            say(f"{files.name}: no classes, for the labels in {path} are null; --labels folders makes folders classes")
            return pile
        found = labelled(pile, Pictures(files.name, inner), rows, path, "label", say)
    except Mistake as error:
        say(f"{files.name}: {path} is not used for classes: {error}")
        return None
    say(f"{files.name}: its classes are those of {path}; --labels none or --labels folders takes others")
    return found


def pictures_of(files: Files, say: Say) -> Iterator[int]:
    """The places of the files that are pictures, by ending or by content, but not those that saddle wrote."""
    no_picture: list[str] = []
    written: list[int] = []
    kept: list[int] = []
    with strict():
        for place, path in enumerate(files.paths):
            known = ends_as_picture(path)
            if known and ending(path) not in (".png", ".apng"):
                kept.append(place)
            elif not known and not readable(files, place):
                no_picture.append(path)
            else:
                (written if by_saddle(begun(files, place)) else kept).append(place)
    if no_picture:
        say(f"{files.name}: {counted(no_picture)} left out, for no picture is in {them(no_picture)}")
    if written and kept:
        made, one = plural(len(written), "picture"), them(written)
        say(f"{files.name}: {made} that saddle made, such as {files.paths[written[0]]}, {are(written)} left out; "
            f"name the folder alone that holds {one} to use {one}")  # fmt: skip
    elif written:
        say(f"{files.name}: all its pictures were made by saddle")
    return iter(kept or written)


def candidates(paths: Iterable[str]) -> tuple[list[str], list[str]]:
    """Files that may be pictures, and the others, but for the names of files that only tell of the pictures."""
    paths = list(paths)
    may = [path for path in paths if not veiled(path) and may_be_picture(path)]
    known = set(may)
    return may, [path for path in paths if path not in known and path.rpartition("/")[2] != JSON]


def left_out(name: str, others: Iterable[str], table: Table | None, say: Say) -> None:
    """Say of how many files no picture is made, but for the table in use."""
    others = [path for path in others if table is None or path.rpartition("/")[2] != table.name.rpartition("/")[2]]
    packed = [path for path in others if path.lower().endswith(PACKED)]
    plain = [path for path in others if path not in packed]
    if plain:
        say(f"{name}: {counted(plain)} left out, being no {'picture' if len(plain) == 1 else 'pictures'}")
    if beside := next((path for path in plain if path.rpartition("/")[2] in METADATA and table is None), None):
        say(f"{name}: {beside} may tell classes, but is not read unasked; --labels {quoted(beside)} reads them")
    if packed:
        hold = "it holds" if len(packed) == 1 else "they hold"
        say(f"{name}: {counted(packed)} not looked into; unpack {them(packed)}, or name one, to use what {hold}")


def veiled(path: str) -> bool:
    """Is it hidden, or in a hidden folder, or beside the pictures as macOS packs its notes?"""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))


def find_json(paths: Iterable[str]) -> str | None:
    """The path of the dataset.json that lies highest."""
    found = [path for path in paths if path.rpartition("/")[2] == JSON and not veiled(path)]
    return min(found, key=lambda path: (path.count("/"), path), default=None)


def readable(files: Files, place: int) -> bool:
    """Is a file of an unknown kind a picture, by its content?"""
    try:
        with files.read(place):
            return True
    except Exception:  # no decoder knows it, or it is damaged and has no name that says it was a picture
        return False


def begun(files: Files, place: int) -> bytes:
    try:
        return files.start(place)
    except Exception:  # reading it whole will say why
        return b""


def counted(paths: Iterable[str]) -> str:
    """'3 files (2 .txt, 1 .db) are', the most frequent endings first."""
    paths = list(paths)
    return f"{plural(len(paths), 'file')} ({kinds(paths)}) {are(paths)}"


def kinds(paths: Iterable[str]) -> str:
    """How many files have which ending, the most frequent first."""
    found = Counter(kind(path) for path in paths).most_common()
    more = f" and {len(found) - TYPES} more kinds" if len(found) > TYPES else ""
    return ", ".join(f"{n:,} {what}" for what, n in found[:TYPES]) + more


def kind(path: str) -> str:
    name = path.rpartition("/")[2]
    if name.startswith("._"):
        return "._ of macOS"
    if name.startswith("."):
        return "hidden"
    end = ending(path)
    return end if end and len(end) <= 12 else "without an ending"
