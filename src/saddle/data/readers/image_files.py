"""Files of a folder or an archive become a pile: which are pictures, which are used, which class each has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from PIL import Image

from ...errors import Mistake, format_count, quote_for_shell, require
from ...notices import Notify
from ..decoding.pixels import strict_pillow
from ..undecoded import UndecodedImages, to_class_labels
from ..wording import is_or_are, it_or_them
from .folder_labels import label_by_folder
from .folder_layout import FileView, select_split, strip_common
from .image_formats import (
    ARCHIVE_ENDINGS,
    file_ending,
    has_image_ending,
    is_written_by_saddle,
    may_be_image,
    may_have_frames,
)
from .label_matching import ImageNames, with_table_labels
from .label_tables import METADATA, LabelTable, read_stylegan_labels

STYLEGAN_JSON = "dataset.json"  # StyleGAN's classes
MAX_FRAMES = 100_000  # more than that of one file are not taken
SHOWN_ENDINGS = 8  # endings that a sentence names


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Files by relative path, with / between folders, that may be pictures, and how to read them."""

    name: str  # of what holds them
    paths: Sequence[str]
    start: Callable[[int], bytes]  # the first bytes of one
    read: Callable[[int], Image.Image]  # the picture in one, to be used in a `with`
    json: tuple[str, Callable[[], bytes]] | None = None  # the path of a dataset.json among them, and its content


class GivesLabels(Protocol):
    """What tells the classes of pictures: a table, or files beside them."""

    def with_labels(self, pile: UndecodedImages, pictures: ImageNames, say: Notify) -> UndecodedImages: ...


def undecoded_from_files(
    files: ImageFiles, part: str | None, labels: str | GivesLabels | None, frames: str, say: Notify
) -> UndecodedImages:
    """The pile; `part` is a folder, `train` where there is one and none is asked for; `labels` a table, or a word.

    `frames` is `all` where further frames of a file are pictures, too.
    """
    single = list(find_images(files, say))
    require(bool(single), f"{files.name} holds no pictures")
    view = select_split(files.name, [files.paths[i] for i in single], part, say)
    shots = select_frames(files, [(place, single[place]) for place in view.places.tolist()], frames, say)
    number = {place: i for i, place in enumerate(view.places.tolist())}
    view = view.subset([number[shot.place] for shot in shots])
    inner = strip_common([files.paths[i] for i in single])
    inner = [inner[shot.place] for shot in shots]
    whole = UndecodedImages([shot.key(files) for shot in shots], lambda i: shots[i].read(files))
    if labels is not None and not isinstance(labels, str):
        return labels.with_labels(whole, ImageNames(files.name, inner), say)
    if labels is None and (found := with_json_labels(files, whole, inner, say)):
        return found
    if labels == "none":
        return whole
    return with_folder_labels(files, whole, view, labels, say)


class ImageFrame(NamedTuple):
    """A frame of a file."""

    place: int  # of the file among the pictures
    file: int  # its place among all files
    frame: int = 0

    def key(self, files: ImageFiles) -> str:
        return files.paths[self.file] + (f" (frame {self.frame + 1})" if self.frame else "")

    def read(self, files: ImageFiles) -> Image.Image:
        image = files.read(self.file)
        if self.frame:
            image.seek(self.frame)
        return image


def select_frames(files: ImageFiles, places: Sequence[tuple[int, int]], frames: str, say: Notify) -> list[ImageFrame]:
    """The first frame of each file, or all of them; of files that can have several, that is said if they do."""
    shots: list[ImageFrame] = []
    several: list[str] = []
    with strict_pillow():
        for place, file in places:
            count = count_frames(files, file) if may_have_frames(read_beginning(files, file)) else 1
            shots += [ImageFrame(place, file, frame) for frame in range(count if frames == "all" else 1)]
            several += [files.paths[file]] * (count > 1)
    if several and frames != "all":
        say(f"{files.name}: of {format_count(len(several), 'file')} with further frames, such as {several[0]}, the "
            "first is used; --frames all takes all")  # fmt: skip
    return shots


def count_frames(files: ImageFiles, place: int) -> int:
    """How many frames a file has; 1 where that cannot be told, for reading it whole will say why."""
    try:
        with files.read(place) as image:
            return min(int(getattr(image, "n_frames", 1)), MAX_FRAMES)
    except Exception:
        return 1


def with_folder_labels(
    files: ImageFiles, pile: UndecodedImages, view: FileView, wish: str | None, say: Notify
) -> UndecodedImages:
    """The pile with its top folders as classes, where they are such."""
    local = FileView(view.paths, view.places * 0 + range(len(view.paths)))
    kept, classes = label_by_folder(files.name, local, wish, say)
    if classes is None:
        return pile
    kept_pile = pile if len(kept.paths) == len(pile) else pile.subset(kept.places)
    return UndecodedImages(kept_pile.keys, kept_pile.read, *to_class_labels(classes))


def with_json_labels(
    files: ImageFiles, pile: UndecodedImages, inner: Sequence[str], say: Notify
) -> UndecodedImages | None:
    """The pile with the classes of a dataset.json beside the pictures, where there is one of StyleGAN's."""
    if files.json is None:
        return None
    path, read = files.json
    try:
        rows = read_stylegan_labels(read(), path)
        if rows is None:
            say(f"{files.name}: no classes, for the labels in {path} are null; --labels folders makes folders classes")
            return pile
        found = with_table_labels(pile, ImageNames(files.name, inner), rows, path, "label", say)
    except Mistake as error:
        say(f"{files.name}: {path} is not used for classes: {error}")
        return None
    say(f"{files.name}: its classes are those of {path}; --labels none or --labels folders takes others")
    return found


def find_images(files: ImageFiles, say: Notify) -> Iterator[int]:
    """The places of the files that are pictures, by ending or by content, but not those that saddle wrote."""
    no_picture: list[str] = []
    written: list[int] = []
    kept: list[int] = []
    with strict_pillow():
        for place, path in enumerate(files.paths):
            known = has_image_ending(path)
            if known and file_ending(path) not in (".png", ".apng"):
                kept.append(place)
            elif not known and not is_readable_image(files, place):
                no_picture.append(path)
            else:
                (written if is_written_by_saddle(read_beginning(files, place)) else kept).append(place)
    if no_picture:
        say(f"{files.name}: {describe_files(no_picture)} left out, for no picture is in {it_or_them(no_picture)}")
    if written and kept:
        made, one = format_count(len(written), "picture"), it_or_them(written)
        say(f"{files.name}: {made} that saddle made, such as {files.paths[written[0]]}, {is_or_are(written)} left out; "
            f"name the folder alone that holds {one} to use {one}")  # fmt: skip
    elif written:
        say(f"{files.name}: all its pictures were made by saddle")
    return iter(kept or written)


def split_candidates(paths: Iterable[str]) -> tuple[list[str], list[str]]:
    """Files that may be pictures, and the others, but for the names of files that only tell of the pictures."""
    paths = list(paths)
    may = [path for path in paths if not is_hidden_path(path) and may_be_image(path)]
    known = set(may)
    return may, [path for path in paths if path not in known and path.rpartition("/")[2] != STYLEGAN_JSON]


def report_left_out(name: str, others: Iterable[str], table: LabelTable | None, say: Notify) -> None:
    """Say of how many files no picture is made, but for the table in use."""
    others = [path for path in others if table is None or path.rpartition("/")[2] != table.name.rpartition("/")[2]]
    packed = [path for path in others if path.lower().endswith(ARCHIVE_ENDINGS)]
    plain = [path for path in others if path not in packed]
    if plain:
        say(f"{name}: {describe_files(plain)} left out, being no {'picture' if len(plain) == 1 else 'pictures'}")
    if beside := next((path for path in plain if path.rpartition("/")[2] in METADATA and table is None), None):
        say(
            f"{name}: {beside} may tell classes, but is not read unasked; --labels {quote_for_shell(beside)} reads them"
        )
    if packed:
        hold = "it holds" if len(packed) == 1 else "they hold"
        say(
            f"{name}: {describe_files(packed)} not looked into; unpack {it_or_them(packed)}, or name one, to use what "
            f"{hold}"
        )


def is_hidden_path(path: str) -> bool:
    """Is it hidden, or in a hidden folder, or beside the pictures as macOS packs its notes?"""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.split("/"))


def find_stylegan_json(paths: Iterable[str]) -> str | None:
    """The path of the dataset.json that lies highest."""
    found = [path for path in paths if path.rpartition("/")[2] == STYLEGAN_JSON and not is_hidden_path(path)]
    return min(found, key=lambda path: (path.count("/"), path), default=None)


def is_readable_image(files: ImageFiles, place: int) -> bool:
    """Is a file of an unknown kind a picture, by its content?"""
    try:
        with files.read(place):
            return True
    except Exception:  # no decoder knows it, or it is damaged and has no name that says it was a picture
        return False


def read_beginning(files: ImageFiles, place: int) -> bytes:
    try:
        return files.start(place)
    except Exception:  # reading it whole will say why
        return b""


def describe_files(paths: Iterable[str]) -> str:
    """'3 files (2 .txt, 1 .db) are', the most frequent endings first."""
    paths = list(paths)
    return f"{format_count(len(paths), 'file')} ({count_by_ending(paths)}) {is_or_are(paths)}"


def count_by_ending(paths: Iterable[str]) -> str:
    """How many files have which ending, the most frequent first."""
    found = Counter(describe_ending(path) for path in paths).most_common()
    more = f" and {len(found) - SHOWN_ENDINGS} more kinds" if len(found) > SHOWN_ENDINGS else ""
    return ", ".join(f"{n:,} {what}" for what, n in found[:SHOWN_ENDINGS]) + more


def describe_ending(path: str) -> str:
    name = path.rpartition("/")[2]
    if name.startswith("._"):
        return "._ of macOS"
    if name.startswith("."):
        return "hidden"
    end = file_ending(path)
    return end if end and len(end) <= 12 else "without an ending"
