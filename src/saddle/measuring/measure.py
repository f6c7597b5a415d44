"""`measure`: figures of a run's samples, or of any images, against others."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Unpack

from ..batches import image_columns
from ..continued import check_same_data, record_data_place, relocate_data
from ..data import Prepare
from ..data.dataset import Dataset, main_shape
from ..data.in_memory import IN_MEMORY, use_given
from ..data.own_sources import named_sets
from ..data.progress import hide_progress
from ..data.sources import describe_not_found, is_there, resolve_source_name, split_suffix
from ..data.undecoded import ColumnsCheck
from ..errors import Mistake, did_you_mean, quote_for_shell, require
from ..hints import describe_type, field_types, fits_type
from ..inference.load import load
from ..inference.run_data import open_run_data
from ..metrics.diversity import WINDOW
from ..metrics.figures import Figure
from ..notices import Notify, notify_nobody
from ..out_of_memory import catch_out_of_memory
from ..recipes.plugins import use_plugin_for
from ..recipes.revive import trust_run
from ..regular import check_no_link
from ..runs.folder import RunFolder, check_file_writable, write_json
from ..runs.manifest import Manifest
from ..runs.measures import Measurement, append_measurement, measures_path, read_measurements
from ..runs.timing import read_pace
from ..shape import Columns
from ..signatures import takes_fields_of
from ..training.machine import find_device
from .evaluation import DEFAULT_SAMPLES, DEFAULT_SOURCE_SAMPLES, Evaluation, check_game, foretell, preflight
from .extractors import Extractors
from .inputs import (
    Measurable,
    SampleInfo,
    check_memory,
    describe_shape,
    is_named_source,
    is_run,
    open_measurable,
    prepare_like,
    with_fingerprint,
)
from .makers import DataConverter, GeneratorHandle, SampleMaker, sample_maker
from .metric_table import MODE_METRICS, PAIRED_METRICS, POINT_METRICS, check_features, parse_metric_names, sensible
from .neighbours import plot_copies
from .options import MeasureKeywords, MeasureOptions

# options that say how a source's images are prepared
IMAGE_OPTIONS = ("size", "crop", "channels")  # what a run's samples are already
FILE_OPTIONS = (
    "labels",
    "leave_out",
    "range",
    "alpha",
    "frames",
    "follow_links",
    "decode",
)  # what is asked about the files of a source
SOURCE_OPTIONS = IMAGE_OPTIONS + FILE_OPTIONS


@takes_fields_of(MeasureOptions, MeasureKeywords)
@catch_out_of_memory("a smaller -n needs less, or fewer --references")
def measure(what: Measurable, against: Measurable | None = None, *, data: Measurable | None = None,
            say: Notify = notify_nobody, **options: Unpack[MeasureKeywords]) -> list[Figure]:  # fmt: skip
    """Figures of a run's samples, or of a source of images, against a source (a run's own data if not given).

    Both may be a run's folder, a source's name or path, an array or tensor of images or of points (n, 2), a mapping
    {"image": images, "label": labels}, or a Dataset; `data` are those of a run, if they were moved, or given in Python.
    Images are uint8, or floats in [0, 1] or [-1, 1], (n, h, w), (n, h, w, c) or (n, c, h, w). Options
    are those of the command line: metrics="fid,kid", features="random", n=10_000 ... Figures of a run are also written
    into its measures.jsonl. Raises Mistake for what cannot be measured; what is measured never changes.
    """
    with use_given(data) as place:
        wish = parse_measure_options({"data": place, **options})
        with use_plugin_for(what, wish.plugin, wish.trust), hide_progress(wish.quiet):
            return taken(what, against, wish, say)


def taken(what: Measurable, against: Measurable | None, wish: MeasureOptions, say: Notify) -> list[Figure]:
    """The figures that are wished for, written wherever they are to be kept."""
    sensible(wish)
    where = find_device(wish.device)
    for file in [file for file in (wish.picture, wish.json) if file]:
        check_file_writable(file)
    for run in [str(side) for side in (what, against) if wish.trust and side is not None and is_run(side)]:
        trust_run(run)
    subject = (
        inputs_of_run(str(what), against, wish, say) if is_run(what) else inputs_of_source(what, against, wish, say)
    )
    made, real = subject.made.info, subject.real.info
    suiting(wish, real.name, subject.maker is not None)(image_columns(real.shape), real.n)
    eyes = Extractors(subject.teacher(), wish.features, resize=wish.resize, device=where,
                download=wish.download, say=say)  # fmt: skip
    targets = isinstance(subject.maker, DataConverter) and subject.maker.knows_targets
    paired = PAIRED_METRICS[: 3 if min(real.shape[1:3]) >= WINDOW else 2] if targets else ()
    names = parse_metric_names(wish.metrics) if wish.metrics else (*paired, *choose_metrics(eyes, real.name))
    preflight(names, eyes, made, real, isinstance(subject.maker, GeneratorHandle), targets)
    bench = Evaluation(subject.made.load(), subject.real.load(), eyes, seed=wish.seed, maker=subject.maker,
                  neighbours=wish.k, asked=wish.n, counts=(wish.n or DEFAULT_SOURCE_SAMPLES, wish.references),
                  say=say)  # fmt: skip
    figures = bench.figures(names, wish.per_class)
    if subject.when:  # first, so that nothing below can lose them
        save_figures(subject.when, figures, say)
    if wish.json:
        wish.json.parent.mkdir(parents=True, exist_ok=True)
        write_json(wish.json, [figure.facts() for figure in figures])
    if wish.picture:
        plot_copies(bench.metric_input(eyes.default), wish.picture)
    return figures


@dataclass(frozen=True, eq=False)
class LazySamples:
    """A side of the measurement, of which samples are made or read when all else is known to be right."""

    info: SampleInfo
    load: Callable[[], Dataset]

    @staticmethod
    def of(data: Dataset, most: int) -> LazySamples:
        return LazySamples(SampleInfo.of(data, most), lambda: data)


@dataclass(frozen=True, eq=False)
class MeasureInputs:
    """What is measured: samples, what they are compared with, what a classifier learns from, and when of which run."""

    made: LazySamples
    real: LazySamples
    teacher: Callable[[], Dataset]
    maker: SampleMaker | None = None
    when: tuple[RunFolder, int, int] | None = None  # the run, images it had seen, its round


def parse_measure_options(options: Mapping[str, Any]) -> MeasureOptions:
    """Raises Mistake for an option that there is not, and for a value of another kind than it should be."""
    known, given = field_types(MeasureOptions), dict(options)
    for name in options:
        require(name in known and name != "against", f"measure has no option {name}{did_you_mean(name, known)}")
    for name in ("picture", "json"):
        given |= {name: Path(given[name])} if isinstance(given.get(name), str) else {}
    if isinstance(given.get("metrics"), list | tuple):
        given["metrics"] = ",".join(map(str, given["metrics"]))
    for name, value in given.items():
        require(fits_type(value, known[name]), f"{name} is {value!r}, but should be {describe_type(known[name], {})}")
    return MeasureOptions(**given)


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


def choose_metrics(eyes: Extractors, real: str) -> tuple[str, ...]:
    """The metrics that say most; modes are known only where the data compared with are a mixture."""
    names = eyes.default_metrics()
    return POINT_METRICS if names == MODE_METRICS and real not in ("ring", "grid") else names


def inputs_of_run(run: str, against: Measurable | None, wish: MeasureOptions, say: Notify) -> MeasureInputs:
    """Samples of a checkpoint against its data, or other data prepared as these were."""
    folder = RunFolder.find(run)
    check_there(against)
    before = Manifest.read(folder)
    check_no_link(measures_path(folder), folder.path)
    read_measurements(folder)
    source = before.settings.data or "glyphs"
    other = against is not None and is_named_source(against) and not is_run(against) and str(against) != source
    for name in IMAGE_OPTIONS if other else SOURCE_OPTIONS:
        given = getattr(wish, name) != getattr(MeasureOptions(), name)
        require(not given, f"a run has its own {name}, to which the data are brought; leave out --{name}")
    manifest = relocate_data(folder, before, wish.data, "measure")
    if said := otherwise(run, manifest.settings.features, wish.features):
        say(said)
    suits = suiting(wish, source, True, manifest.settings.crop == "random")
    n, own_data = wish.n or DEFAULT_SAMPLES, against is None or (is_named_source(against) and str(against) == source)
    if own_data:
        suits(image_columns(manifest.shape), None)
    check_memory(n, manifest.shape, "-n")
    loaded = load(run, device=wish.device, average=wish.average, best=wish.best, weights=wish.weights)
    check_game(parse_metric_names(wish.metrics) if wish.metrics else (), type(loaded.game))
    own, source = Prepare.of(manifest.settings), manifest.settings.data or "glyphs"
    teacher = open_run_data(folder, manifest, say)
    if wish.data is not None:
        check_same_data(teacher, manifest, wish.data)
        if manifest != before and wish.data != IN_MEMORY:
            record_data_place(folder, manifest, say)
    elif teacher.fingerprint != manifest.data["fingerprint"]:
        say(f"warning: the data in {source} has changed since {run} was trained")
    maker = sample_maker(run, loaded, teacher, say)
    info = SampleInfo(run, loaded.shape, maker.most(n), of_run=True)
    made = LazySamples(info, lambda: maker.samples(n, wish.seed))
    if own_data:
        real = LazySamples.of(maker.reference or teacher, wish.references)
    else:
        assert against is not None
        real = open_reference(against, other_preparation(own, wish, say) if other else own, wish, say, True)
        if is_run(against) or not is_named_source(against):
            check_one_shape(made.info, real.info)
    clock = loaded.clock
    return MeasureInputs(made, real, lambda: teacher, maker, (folder, clock.images, clock.round))


def otherwise(run: str, trained: str, asked: str) -> str:
    """A sentence on features that a run was measured through as it trained, where nobody names any now."""
    if asked != "auto" or trained == "auto":
        return ""
    before = quote_for_shell(trained)
    said = f"{run} was measured through --features {before} as it trained, and is measured now through what "
    try:
        check_features(trained)
    except Mistake as mistake:
        return f"{said}suits its data, for of those {mistake}"
    return f"{said}suits its data; name them to get figures of the same kind"


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


def inputs_of_source(
    source: Measurable, against: Measurable | None, wish: MeasureOptions, say: Notify
) -> MeasureInputs:
    """A source of images against another, or against a run's samples."""
    what = str(source) if is_named_source(source) else "what is measured"
    require(wish.data is None, f"{what} is no run whose data could have been moved; leave out --data")
    for name, told in {"best": "best weights", "average": "averaged weights", "weights": "named weights"}.items():
        require(getattr(wish, name) == getattr(MeasureOptions(), name), f"{what} is no run, so it has no {told}")
    if against is None:
        if is_named_source(source) and ":" not in what and what not in named_sets() and not os.path.lexists(what):
            RunFolder.find(what)  # refused, with the runs that there are
        raise Mistake(f"{what} is no run; name what to compare it with, as in --against mnist")
    for side in (source, against):
        check_there(side)
    prepare = Prepare(**{name: getattr(wish, name) for name in SOURCE_OPTIONS})
    if not is_named_source(source):
        made = LazySamples.of(
            open_measurable(source, prepare, say, "samples in memory"), wish.n or DEFAULT_SOURCE_SAMPLES
        )
        real = open_reference(against, prepare_like(prepare, made.info.shape), wish, say)
    else:
        real = open_reference(against, prepare, wish, say)
        theirs = prepare if is_named_source(against) and not is_run(against) else prepare_like(prepare, real.info.shape)
        made = LazySamples.of(open_measurable(source, theirs, say, ""), wish.n or DEFAULT_SOURCE_SAMPLES)
    if not (is_named_source(source) and is_named_source(against)) or is_run(against):
        check_one_shape(made.info, real.info)
    return MeasureInputs(made, real, real.load)


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
    made = cache(lambda: with_fingerprint(maker.samples(n, wish.seed + 1)))
    return LazySamples(SampleInfo(maker.name, loaded.shape, n), made)


def check_one_shape(made: SampleInfo, real: SampleInfo) -> None:
    """Raises Mistake where two shapes differ that no option could bring together."""
    ours, theirs = (describe_shape(side.shape) for side in (made, real))
    require(ours == theirs, f"{made.name} has {ours} and {real.name} has {theirs}; both sides must be of one shape")


def save_figures(when: tuple[RunFolder, int, int], figures: list[Figure], say: Notify) -> None:
    """Write a run's figures into its folder, if it may be written to, but for those that are there already."""
    folder, images, round = when
    file = measures_path(folder)
    if not os.access(file if file.exists() else folder.path, os.W_OK):
        say(f"warning: {folder} may not be written to, so its figures are not kept there; --json FILE.json keeps them")
        return
    there = [f for line in read_measurements(folder) if line.images == images for f in line.figures]
    new = tuple(figure for figure in figures if figure not in there)
    if new:
        append_measurement(folder, Measurement(images, round, read_pace(folder.timing).at(images), new))
