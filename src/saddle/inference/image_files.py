"""A user's own pictures as a run plays with them: a picture, several, a folder, a zip, whatever `--data` takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..columns import scale_rows, to_float_images
from ..data.cache.store import open_undecoded
from ..data.dataset_table import TOY_SETS
from ..data.decoding.decode import IMAGES_PER_TASK, parallel_map
from ..data.decoding.levels import Levels
from ..data.decoding.pixels import BandMeaning, PixelArray, describe_error, to_sample_pixels
from ..data.decoding.ranges import InferredBands
from ..data.decoding.stored_bands import StoredBands
from ..data.in_memory import to_points
from ..data.opening import toy_dataset
from ..data.order import random_subset
from ..data.own_sources import own_sources
from ..data.prepare import Prepare
from ..data.readers.image_formats import has_image_ending, may_be_image, may_have_frames, open_image, read_start
from ..data.readers.npy import map_npy
from ..data.sources import expand_home, find_source, resolve_source_name, split_suffix
from ..data.undecoded import Labels, UndecodedImages, to_class_labels
from ..errors import Mistake, format_count, require
from ..notices import Notify, notify_nobody
from ..runs.manifest import Manifest
from ..shape import Picture, Shape

File = str | Path
MAX_NAMED = 5  # unreadable pictures that are named one by one


class ImageChunk(NamedTuple):
    """A few pictures that could be read, of one size."""

    places: list[int]  # of each among all that were given
    names: list[str]
    images: Tensor  # (n, channels, height, width) float32 in [-1, 1]


@dataclass(frozen=True, eq=False)
class GivenImages:
    """Pictures by number, of which nothing is read before it is asked for."""

    names: Sequence[str]  # what a sentence or a table calls each
    files: Sequence[str]  # relative paths, after which what is made of each is called: see `png_names`
    read: Callable[[int], NDArray[Any]]  # (height, width, channels) of bytes, or points; it may raise anything
    played: Shape | None  # that all are brought to; None: each has its own size
    say: Notify
    labels: Labels | None = None  # (n,), if all that was given has labels
    classes: tuple[str, ...] = ()
    inputs: frozenset[str] = frozenset()  # the real paths of what is a file, none of which may be written over

    def __len__(self) -> int:
        return len(self.names)

    def check_not_among(self, path: Path) -> None:
        """Raise Mistake for one of the files that were given, which are not written over."""
        own = os.path.realpath(path) in self.inputs
        require(not own, f"{path} is one of the files that were given, and would be written over; name another place")

    def chunks(self, rows: int = 1) -> Iterator[ImageChunk]:
        """All that can be read, in order, at most so many at once, and as many but for the last where all are of one
        size; what cannot be read is named and skipped. Mistake where none can.
        """
        found: list[tuple[int, NDArray[Any]]] = []
        lost: list[str] = []
        first = ""
        task = 1 if self.played is None else IMAGES_PER_TASK
        with closing(parallel_map(self.try_to_read, len(self), "Reading pictures", task)) as parts:
            for place, pixels in (one for part in parts for one in part):
                if isinstance(pixels, str):
                    lost.append(self.names[place])
                    first = first or f"{self.names[place]}: {pixels}"
                    if len(lost) <= MAX_NAMED:
                        self.say(f"{self.names[place]} is skipped: {pixels}")
                    continue
                if found and (len(found) == rows or found[0][1].shape != pixels.shape):
                    yield self.chunk_of(found)
                    found = []
                found.append((place, pixels))
        if len(lost) > MAX_NAMED:
            self.say(f"{format_count(len(lost) - MAX_NAMED, 'more picture')} skipped as well, for they cannot be read")
        none = "no picture" if len(self) == 1 else f"none of {len(self):,} pictures"
        require(len(lost) < len(self), f"{none} can be read; {first}")
        yield self.chunk_of(found)

    def try_to_read(self, places: Sequence[int]) -> list[tuple[int, NDArray[Any] | str]]:
        """The pixels at these places, or why they cannot be read."""
        found: list[tuple[int, NDArray[Any] | str]] = []
        for place in places:
            try:
                found.append((place, self.read(place)))
            except Exception as error:  # a damaged file can fail in any way inside its decoder
                found.append((place, describe_error(error)))
        return found

    def chunk_of(self, found: Sequence[tuple[int, NDArray[Any]]]) -> ImageChunk:
        rows = torch.from_numpy(np.stack([pixels for _, pixels in found])).permute(0, 3, 1, 2)
        images = to_float_images(rows) if self.played is None else scale_rows(rows, Picture(self.played))
        places = [place for place, _ in found]
        return ImageChunk(places, [self.names[place] for place in places], images.contiguous())


def open_images(files: File | Sequence[File], manifest: Manifest, shape: Shape, say: Notify = notify_nobody, *,
                own_size: bool = False, **changes: Any) -> GivenImages:  # fmt: skip
    """The pictures that are meant, made ready as the data of a run were: its crop, range, transparency and channels.

    `files` are pictures, folders, archives, arrays or names of data sets; `shape` is what the game is asked about, such
    as `loaded.shape`. With `own_size` each keeps the size that it has. `changes` are fields of `Prepare` that are
    otherwise for these files: labels, limit, frames. Raises Mistake for what is not there or holds no pictures.
    """
    words = [str(files)] if isinstance(files, str | Path) else [str(file) for file in files]
    require(bool(words), "no files were named; name a picture, a folder or a data set")
    require(shape.text is None, f"this run was trained on {shape}, and not on pictures")
    if shape.points:
        return given_points(words, say, changes.get("limit"))
    prepare = prepare_as_the_run(manifest, shape, own_size, changes)
    sets = given_sets(words, prepare, say)
    counts = np.cumsum([len(one.pile) for one in sets])
    require(bool(counts[-1]), f"there are no pictures in {' and '.join(words)}")
    bands = [GivenBands(one.pile, prepare, manifest.data.get("bands", {}), say) for one in sets]

    def read(place: int) -> PixelArray:
        number = int(np.searchsorted(counts, place, "right"))
        inner = place - int(counts[number]) + len(sets[number].pile)
        with sets[number].pile.read(inner) as image:
            return to_sample_pixels(image, prepare.stored_size, prepare.crop, shape.channels, bands[number])

    labels, classes = joint_labels([one.pile for one in sets])
    return GivenImages(
        [name for one in sets for name in one.names], [file for one in sets for file in one.files], read,
        None if own_size else shape, say, labels, classes,
        frozenset(path for one in sets for path in one.paths))  # fmt: skip


def prepare_as_the_run(manifest: Manifest, shape: Shape, own_size: bool, changes: dict[str, Any]) -> Prepare:
    """How pictures that a game is asked about are made ready: as the run's data were, but for what is otherwise."""
    own = Prepare.of(manifest.settings)
    data = manifest.shape
    whole = data.channels == shape.channels and data.height >= shape.height and data.width >= shape.width
    size = (data.height, data.width) if whole and not data.points else (shape.height, shape.width)
    fixed: dict[str, Any] = {"size": None if own_size else size, "channels": shape.channels,
                             "crop": "centre" if own.crop == "random" or own_size else own.crop}  # fmt: skip
    return replace(own, **{"labels": None, "limit": None, "leave_out": None, "flip": False} | changes | fixed)


def given_points(words: Sequence[str], say: Notify, limit: int | None) -> GivenImages:
    """Points of the plane, of a toy by its name or of an `.npy` (n, 2)."""
    require(len(words) == 1, "this run was trained on points of the plane; name one toy or one .npy of points")
    (word,) = words
    path = Path(expand_home(word))
    if path.suffix.lower() == ".npy" and path.is_file():
        points = to_points(map_npy(path), word)
    else:
        require(word in TOY_SETS, f"this run was trained on points of the plane; name one of {', '.join(TOY_SETS)}, or "
                                  f"an .npy of points (n, 2), not {word}")  # fmt: skip
        points = toy_dataset(word, Prepare(limit=limit)).samples
    if points is None:
        raise Mistake(f"{word} has no points of the plane, rows of two numbers, on which this run was trained")
    rows = points[random_subset(len(points), limit)]
    names = [f"point {i}" for i in range(len(rows))]
    return GivenImages(names, names, lambda place: rows[place], None, say, inputs=frozenset([os.path.realpath(path)]))


class GivenSet(NamedTuple):
    """Pictures of one source, or single ones."""

    pile: UndecodedImages
    names: Sequence[str]
    files: Sequence[str]
    paths: Sequence[str]  # real ones, where they are files


def given_sets(words: Sequence[str], prepare: Prepare, say: Notify) -> list[GivenSet]:
    """What each of these words means; single pictures that stand side by side are one set."""
    sets: list[GivenSet] = []
    singles: list[Path] = []
    for word in words:
        path = Path(expand_home(word))
        if is_single_picture(path) and not (prepare.frames == "all" and has_frames(path)):
            singles.append(path)
            continue
        sets += [single_pictures(singles)] if singles else []
        singles = []
        sets.append(pictures_of_source(word, prepare, say, alone=len(words) == 1))
    return [*sets, single_pictures(singles)] if singles else sets


def is_single_picture(path: Path) -> bool:
    """Is it a file that holds one picture, by its ending, or by its content where that says nothing?"""
    if not path.is_file():
        return False
    if has_image_ending(path.name):
        return True
    if not may_be_image(path.name):
        return False
    try:
        with open_image(path):
            return True
    except Exception:  # it may be anything
        return False


def has_frames(path: Path) -> bool:
    """May it be a moving picture, which `--data` takes alone?"""
    return has_image_ending(path.name) and may_have_frames(read_start(path))


def single_pictures(paths: Sequence[Path]) -> GivenSet:
    pile = UndecodedImages([str(path) for path in paths], lambda i: open_image(paths[i]))
    return GivenSet(pile, pile.keys, [path.name for path in paths], [os.path.realpath(path) for path in paths])


def pictures_of_source(word: str, prepare: Prepare, say: Notify, alone: bool) -> GivenSet:
    """All pictures of a source; one of several gives its name to each."""
    source = resolve_source_name(word)
    name, _ = split_suffix(source)
    require(name not in TOY_SETS, f"{name} is points of the plane, and this run was trained on pictures")
    require(name not in own_sources(), f"{name} is a plugin's, which gives samples and no pictures")
    found = find_source(source, prepare, say)
    pile = open_undecoded(found, say).chosen(prepare.limit, prepare.left_out)
    root = os.path.realpath(name)
    paths = [os.path.join(root, key) for key in pile.keys] if os.path.isdir(root) else [root]
    files = pile.keys if pile.pixels is None else [f"{i:05d}" for i in range(len(pile))]
    names, files = (one if alone else [f"{found.name}/{key}" for key in one] for one in (pile.keys, files))
    return GivenSet(pile, names, files, paths)


class GivenBands(BandMeaning):
    """Numbers mean what was decided of the run's data, or what their kind says: one picture says nothing of all.

    Only numbers without a usual range are looked at, as those of a set.
    """

    def __init__(self, pile: UndecodedImages, prepare: Prepare, decided: StoredBands, say: Notify) -> None:
        self.inferred = InferredBands(pile, prepare, say, decided)
        self.known = prepare.range is not None or pile.pixels is not None  # else those of an array, bytes already
        self.decided, self.clear = decided, decided.get("alpha", True) if prepare.alpha == "auto" else (
            prepare.alpha == "yes")  # fmt: skip

    def levels(self, kind: str) -> Levels:
        unusual = self.known or kind in self.decided.get("levels", {}) or kind not in ("8", "16")
        return self.inferred.levels(kind) if unusual else super().levels(kind)

    def has_alpha(self) -> bool:
        return bool(self.clear)


def joint_labels(piles: Sequence[UndecodedImages]) -> tuple[Labels | None, tuple[str, ...]]:
    """The labels of all, by the names of their classes, if all have some."""
    if any(pile.labels is None for pile in piles):
        return None, ()
    if len(piles) == 1:
        return piles[0].labels, piles[0].classes
    return to_class_labels(pile.classes[i] for pile in piles for i in ([] if pile.labels is None else pile.labels))
