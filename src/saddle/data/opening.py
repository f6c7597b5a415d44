"""The samples that a source and its options mean."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from ..batches import LINE, image_columns
from ..blame import blame_user_code
from ..errors import Mistake, require
from ..notices import Notify
from ..shape import Shape
from .array_dataset import ArrayDataset, compute_fingerprint
from .captioned import CAPTION, find_captions, told_of_captions, with_captions
from .dataset import Dataset
from .dataset_table import TOY_SETS
from .found import open_found
from .in_memory import IN_MEMORY, given_columns, given_dataset, known_by_content, open_given
from .lines import open_lines
from .own_sources import own_sources
from .pairing.columns import COLUMNS
from .pairing.opening import open_columns
from .pairing.plan import plan_columns, wanted_kind
from .prepare import Prepare
from .readers.caption_files import FOUND
from .sources import find_source, is_lines, is_there, resolve_source_name, split_suffix
from .undecoded import ColumnsCheck

TOY_POINTS = 100_000  # that a toy distribution is represented by
MAX_TOY_POINTS = 10_000_000  # and that it can be


def open_data(source: str, prepare: Prepare, say: Notify, *, cache: Path | None = None,
              suits: ColumnsCheck = lambda columns, most: None, wants: Collection[str] = ()) -> Dataset:  # fmt: skip
    """The samples that a source and its options mean; `say` gets a sentence on each thing that is left out or assumed.

    `wants`: columns that they should have, which says whether source and target are pairs or of two unpaired kinds.
    `suits` is asked, before pictures are read that are not in the cache, what it thinks of their columns and number.
    Raises Mistake for a source that is not there or cannot be used. `in memory` are the data that a program has given.
    """
    if source == IN_MEMORY:
        return given_dataset(prepare, say, suits)
    source = resolve_source_name(source)
    name, part = split_suffix(source)
    if own := own_sources().get(name):
        with blame_user_code(Mistake):
            given = own.open(part)
        return known_by_content(open_given(given, prepare, say, source, suits))
    if source in TOY_SETS:
        check_toy_options(source, prepare)
        suits(image_columns(Shape(2, 1, 1)), None)
        return toy_dataset(source, prepare)
    if is_lines(source):
        lines = open_lines(source, prepare, say)
        suits(lines.columns, len(lines))
        return lines
    kind = wanted_kind(wants, prepare)
    if kind != "images":
        return open_columns(plan_columns(source, prepare, kind, say), kind, say, cache, suits)
    if CAPTION in wants and prepare.captions is None:
        prepare = replace(prepare, captions=FOUND)
    found = find_source(source, prepare, say)
    captions = find_captions(found, prepare, say)
    suits = told_of_captions(suits, captions)
    if found.shape:
        suits(image_columns(found.shape), None)
    samples = open_found(source, found, prepare, say, cache, suits)
    return with_captions(samples.data, captions, samples.places)


def describe_source(source: str) -> str:
    """What a source is called in a sentence."""
    return f"data {source}" if source == IN_MEMORY else source


def source_columns(source: str, prepare: Prepare, wants: Collection[str] = ()) -> Collection[str] | None:
    """The columns that a source can have of those that are wanted; None where that is not known before it is read."""
    if source == IN_MEMORY:
        return given_columns()
    if split_suffix(source)[0] in own_sources() or not is_there(source):
        return None
    if source in TOY_SETS:
        return ("image",)
    if is_lines(source):
        return (LINE,)
    kind = wanted_kind(wants, prepare)
    told = (CAPTION,) if CAPTION in wants or prepare.captions is not None else ()
    return ("image", "label", *told) if kind == "images" else COLUMNS[kind]


def toy_dataset(name: str, prepare: Prepare) -> ArrayDataset:
    """Points of a toy distribution in the plane."""
    from .toys import sample_toy

    check_toy_options(name, prepare)
    samples = sample_toy(name, prepare.limit or TOY_POINTS, 0)
    return ArrayDataset(name, samples, fingerprint=compute_fingerprint(samples.tobytes()))


def check_toy_options(name: str, prepare: Prepare) -> None:
    """Refuse options that only pictures have, and more points than are drawn."""
    plain = prepare == Prepare(limit=prepare.limit)
    require(plain, f"{name} has points, not pictures: size, crop, channels, flip, labels and source do not apply to it")
    count = prepare.limit or TOY_POINTS
    require(count <= MAX_TOY_POINTS, f"limit is {count:,}, but {name} can be drawn {MAX_TOY_POINTS:,} times at most")
