"""What samples are compared with: a source prepared as they are, or what another run makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ..data import Prepare
from ..data.dataset import Dataset, main_shape
from ..data.sources import describe_not_found, is_there, resolve_source_name, split_suffix
from ..data.undecoded import ColumnsCheck
from ..errors import require
from ..inference.load import load
from ..notices import Notify
from ..shape import Columns
from .evaluation import DEFAULT_SAMPLES, DEFAULT_SOURCE_SAMPLES, foretell
from .inputs import Measurable, SampleInfo, describe_shape, is_named_source, is_run, open_measurable, with_fingerprint
from .makers import GeneratorHandle
from .options import MeasureOptions
from .shared_sampling import samples_by_all

# options that say how a source's images are prepared
IMAGE_OPTIONS = ("size", "crop", "channels")  # what a run's samples are already
FILE_OPTIONS = ("labels", "leave_out", "range", "alpha", "frames", "follow_links", "decode")  # of a source's files
SOURCE_OPTIONS = IMAGE_OPTIONS + FILE_OPTIONS


@dataclass(frozen=True, eq=False)
class LazySamples:
    """A side of the measurement, of which samples are made or read when all else is known to be right."""

    info: SampleInfo
    load: Callable[[], Dataset]

    @staticmethod
    def of(data: Dataset, most: int) -> LazySamples:
        return LazySamples(SampleInfo.of(data, most), lambda: data)


def suiting(wish: MeasureOptions, real: str, of_run: bool, windows: bool = False) -> ColumnsCheck:
    """Refuses, by the shape of the data compared with, what is not to be had of them: before they are read."""

    def suits(columns: Columns, most: int | None) -> None:
        shape = main_shape(columns)
        require(not (wish.picture and shape.points), "points are not looked at in pairs; leave out --picture")
        require(shape.classes > 0 or not wish.per_class, f"figures per class need labels, and {real} has none")
        count = wish.references if most is None else min(most, wish.references)
        samples = wish.n or (DEFAULT_SAMPLES if of_run else DEFAULT_SOURCE_SAMPLES)
        foretell(wish.metrics, wish.features, SampleInfo(real, shape, count), samples, of_run, windows, wish.download)

    return suits


def other_preparation(own: Prepare, wish: MeasureOptions, say: Notify) -> Prepare:
    """How another source is made ready: as the run's own data, but for what is said of its files."""
    given = {
        name: getattr(wish, name) for name in FILE_OPTIONS if getattr(wish, name) != getattr(MeasureOptions(), name)
    }
    kept = {
        name: getattr(own, name) for name in FILE_OPTIONS[2:] if getattr(own, name) != getattr(MeasureOptions(), name)
    }
    if left := [name.replace("_", "-") for name in kept if name not in given]:
        say(f"what it is compared with is read as the run's own data, with their {', '.join(left)}; --{left[0]} and so "
            "on say otherwise")  # fmt: skip
    whole: dict[str, Any] = dict.fromkeys(("limit", "labels", "leave_out", "source", "target", "captions"))
    return dataclasses.replace(own, **whole | given)


def check_there(given: Measurable | None) -> None:
    """Refuse a source that is not there before another one is read, or fetched."""
    if given is not None and is_named_source(given) and not is_run(given):
        name = resolve_source_name(str(given))
        require(is_there(name), describe_not_found(split_suffix(name)[0]))


def open_reference(
    against: Measurable, prepare: Prepare, wish: MeasureOptions, say: Notify, of_run: bool = False
) -> LazySamples:
    """What is compared with: of a run its samples, from other latents than those of the run that is measured."""
    if not is_run(against):
        suits = suiting(
            wish, resolve_source_name(str(against)) if is_named_source(against) else "data in memory", of_run
        )
        return LazySamples.of(
            with_fingerprint(open_measurable(against, prepare, say, "data in memory", suits)), wish.references
        )
    loaded = load(str(against), device=wish.device)
    maker = GeneratorHandle(f"{Path(str(against)).resolve().name} at {loaded.clock.images:,} images", loaded)
    n = min(wish.references, max(DEFAULT_SAMPLES, wish.n or 0))
    made = cache(lambda: with_fingerprint(samples_by_all(maker, n, wish.seed + 1, str(against), device=wish.device)))
    return LazySamples(SampleInfo(maker.name, loaded.shape, n), made)


def check_one_shape(made: SampleInfo, real: SampleInfo) -> None:
    """Raises Mistake where two shapes differ that no option could bring together."""
    ours, theirs = (describe_shape(side.shape) for side in (made, real))
    require(ours == theirs, f"{made.name} has {ours} and {real.name} has {theirs}; both sides must be of one shape")
