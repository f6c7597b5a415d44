"""An entry of the cache: pixels, if they are kept, labels, facts, and the checksums of all of them."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ...batches import image_columns
from ...errors import Mistake
from ...notices import Notify
from ...out_of_memory import format_bytes
from ...shape import Shape, by_class
from ..decoding.decode import DecodedRows, decode_images
from ..decoding.pixels import PixelArray
from ..decoding.ranges import InferredBands
from ..decoding.stored_bands import StoredBands
from ..prepare import Prepare
from ..readers.image_files import describe_files
from ..row_groups import RowGroups
from ..undecoded import ColumnsCheck, Labels, UndecodedImages
from ..wording import join_names
from .checksums import ChecksumArray, Checksums, compute_checksums

MAX_NAMED_FILES = 5  # unreadable files that are named one by one
SHORT_REASON = 60  # letters of a reason that may be said again
MAX_CACHED_BYTES = 64 << 30  # bytes of pixels that are kept unasked


class DamagedEntry(Exception):
    """An entry is not what was written."""


@dataclass(frozen=True, eq=False)
class CacheEntry:
    """What the cache keeps of a source."""

    shape: tuple[int, int, int, int]  # n, height, width, channels
    pixels: PixelArray | None  # memory-mapped; None: they are decoded on the fly
    places: NDArray[np.int64] | None  # of the samples among the source's pictures; None: an earlier version's
    bands: StoredBands  # what was decided of all pictures
    labels: Labels | None
    classes: tuple[str, ...]
    digest: str  # of the pixels and labels
    said: tuple[str, ...]  # sentences about the source, among them each file that was skipped
    checksums: Checksums
    groups: RowGroups | None = None  # which samples are read together from the source


def read_entry(place: Path) -> CacheEntry:
    """The entry that lies there; Damaged where anything but its pixels differs from what was written, or some do."""
    facts = read_entry_facts(place)
    labels = None if facts["labels"] is None else read_small_array(place / "labels.npy", facts["labels"])
    places = read_small_array(place / "places.npy", facts["places"]) if "places" in facts else None
    checksums = Checksums(read_small_array(place / "sums.npy", facts["sums"]), place)
    groups = None
    if "groups" in facts:
        of, sizes = (read_small_array(place / f"{n}.npy", facts[n]) for n in ("groups", "group_bytes"))
        groups = RowGroups(of, sizes)
    pixels = None
    if facts.get("pixels", True):
        pixels = map_pixels(place / "pixels.npy", facts["shape"])
        for rows in checksums.sample_runs(pixels[0].nbytes):
            if (wrong := checksums.find_damaged(pixels, rows)) is not None:
                raise DamagedEntry(f"sample {wrong:,} is not what was written")
    count, height, width, channels = facts["shape"]
    return CacheEntry((count, height, width, channels), pixels, places, facts.get("bands", {}), labels,
                      tuple(facts["classes"]), facts["digest"], tuple(facts["said"]), checksums, groups)  # fmt: skip


def read_entry_facts(place: Path) -> dict[str, Any]:
    """What `facts.json` says, if its own digest fits."""
    try:
        facts: dict[str, Any] = json.loads((place / "facts.json").read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DamagedEntry(f"facts.json cannot be read: {error}") from error
    check = facts.pop("check", None) if isinstance(facts, dict) else None
    if check is None and isinstance(facts, dict) and "labelled" in facts:
        raise DamagedEntry("it is of an earlier version, which had no checksums")
    if check is None or check != facts_digest(facts):
        raise DamagedEntry("facts.json is not what was written")
    return facts


def facts_digest(facts: Mapping[str, Any]) -> str:
    return blake2b_hex(json.dumps(facts, sort_keys=True).encode())


def blake2b_hex(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def read_small_array(file: Path, digest: str) -> NDArray[Any]:
    """A small array, if its file has this digest."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DamagedEntry(f"{file.name} cannot be read: {error.strerror}") from error
    if blake2b_hex(content) != digest:
        raise DamagedEntry(f"{file.name} is not what was written")
    numbers: NDArray[Any] = np.load(BytesIO(content))
    return numbers


def write_small_array(file: Path, numbers: NDArray[Any]) -> str:
    """Write a small array; the digest of its file."""
    content = BytesIO()
    np.save(content, numbers)
    file.write_bytes(content.getvalue())
    return blake2b_hex(content.getvalue())


def map_pixels(file: Path, shape: list[int]) -> PixelArray:
    """The pixels, mapped, in a file that begins and is as long as one of this shape."""
    try:
        start = npy_header(tuple(shape))
        with file.open("rb") as stream:
            begins, size = stream.read(len(start)), os.fstat(stream.fileno()).st_size
        if begins != start or size != len(start) + np.prod(shape, dtype=np.int64):
            raise DamagedEntry(f"{file.name} is not as long as it was written, or does not begin so")
        return np.asarray(np.memmap(file, np.uint8, "r", len(start), tuple(shape)))
    except (OSError, ValueError) as error:
        raise DamagedEntry(f"{file.name} cannot be read: {error}") from error


def write_entry(
    part: Path, pile: UndecodedImages, prepare: Prepare, note: Notify, said: list[str], suits: ColumnsCheck
) -> None:
    """All files of an entry; the facts, by which it is known to be whole, last."""
    bands = InferredBands(pile, prepare, note)
    shape, rows = decode_images(pile, prepare, bands)
    height, width = prepare.window or shape[1:3]
    suits(image_columns(Shape(shape.channels, height, width, by_class(len(pile.classes)))), len(pile))
    keep = keeps_pixels(prepare, (len(pile), *shape[1:3], shape.channels), part, note)
    digest = hashlib.blake2b(digest_size=16)
    with (part / "pixels.npy" if keep else Path(os.devnull)).open("wb") as file, closing(rows):
        places, sums = write_pixels(rows, file, shape, digest, pile, note)
        file.flush()
        if keep:
            os.fsync(file.fileno())
    labels, classes = present_labels(pile, places, note)
    if labels is not None:
        digest.update(labels.tobytes())
    facts = {
        "classes": classes,
        "shape": [len(places), shape.height, shape.width, shape.channels],
        "pixels": keep,
        "places": write_small_array(part / "places.npy", np.array(places, np.int64)),
        "bands": bands.stored,
        "labels": None if labels is None else write_small_array(part / "labels.npy", labels),
        "sums": write_small_array(part / "sums.npy", sums),
        "digest": digest.hexdigest(),
        "said": said,
    }
    if pile.groups is not None:
        groups = pile.groups.subset(np.array(places, np.int64))
        facts["groups"] = write_small_array(part / "groups.npy", groups.of)
        facts["group_bytes"] = write_small_array(part / "group_bytes.npy", groups.bytes)
    text = json.dumps(facts | {"check": facts_digest(facts)})
    (part / "facts.json").write_text(text, encoding="utf-8")


def keeps_pixels(prepare: Prepare, shape: tuple[int, ...], place: Path, note: Notify) -> bool:
    """Are they kept, as asked for, or because they are not too many? If not, that is said."""
    if prepare.decode != "auto":
        return prepare.decode == "once"
    size, free = math.prod(shape), shutil.disk_usage(place).free
    if size <= min(MAX_CACHED_BYTES, free // 2):
        return True
    why = f"{format_bytes(MAX_CACHED_BYTES)} are cached at most" if size > MAX_CACHED_BYTES else (
        f"{format_bytes(free)} are free for a cache")  # fmt: skip
    note(f"images are decoded on the fly, for their pixels take {format_bytes(size)}, and {why}; --decode once caches "
         "them all the same")  # fmt: skip
    return False


def present_labels(pile: UndecodedImages, places: list[int], note: Notify) -> tuple[Labels | None, tuple[str, ...]]:
    """The labels of the pictures that were read, and their classes: of files those alone that have a picture."""
    if pile.labels is None:
        return None, pile.classes
    labels = pile.labels[places]
    kept = np.unique(labels)
    if pile.pixels is not None or len(kept) == len(pile.classes):
        return labels, pile.classes
    empty = [name for i, name in enumerate(pile.classes) if i not in kept]
    note(f"without a picture among those used, and so no classes: {join_names(empty)}")
    return np.searchsorted(kept, labels).astype(np.int64), tuple(pile.classes[i] for i in kept)


def write_pixels(
    rows: Iterator[DecodedRows],
    file: BinaryIO,
    shape: Shape,
    digest: hashlib.blake2b,
    pile: UndecodedImages,
    note: Notify,
) -> tuple[list[int], ChecksumArray]:
    """Write the pixels as a .npy whose length is known only at the end; the places in the pile, and the checksums.

    Written, not mapped: on a full disk a write fails with a reason, where a mapping kills the process.
    """
    form = (shape.height, shape.width, shape.channels)
    file.write(npy_header((0, *form)))
    places: list[int] = []
    sums: list[ChecksumArray] = []
    refused: dict[str, str] = {}  # sentences by reason
    lost: list[str] = []
    for block in rows:
        file.write(block.pixels.data)
        digest.update(block.pixels.data)
        sums.append(compute_checksums(block.pixels))
        places += block.places
        for place, why in block.refused:
            lost.append(pile.keys[place])
            again = why in refused and len(why) > SHORT_REASON
            refused.setdefault(why, f"{pile.keys[place]} is skipped: {why}")
            if len(lost) <= MAX_NAMED_FILES:
                note(f"{pile.keys[place]} is skipped for the same reason" if again else f"{lost[-1]} is skipped: {why}")
    if more := lost[MAX_NAMED_FILES:]:
        note(f"{describe_files(more)} skipped as well, for they cannot be read")
    check_enough_read(len(places), len(lost), list(refused.values()))
    file.seek(0)
    file.write(npy_header((len(places), *form)))
    return places, np.concatenate(sums)


def npy_header(shape: tuple[int, ...]) -> bytes:
    """The beginning of a .npy: as long for any count, so that it can be written again."""
    start = BytesIO()
    np.lib.format.write_array_header_1_0(start, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return start.getvalue()


def check_enough_read(read: int, lost: int, refused: list[str]) -> None:
    """Raise Mistake where fewer than two pictures, or fewer than half of them, could be read."""
    total = read + lost
    if total < 2 and not lost:
        raise Mistake(f"two pictures at least are needed, and there is {'only one' if total else 'none'}")
    if read < 2 or read < lost:
        first = "; ".join(refused[:MAX_NAMED_FILES])
        raise Mistake(f"only {read:,} of {total:,} pictures are usable; half, and two at least, are needed: {first}")
