"""Both sides of a measurement opened: a run beside its data, or a source beside another."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..batches import image_columns
from ..continued import check_same_data, record_data_place, relocate_data
from ..data import Prepare
from ..data.dataset import Dataset
from ..data.in_memory import IN_MEMORY
from ..data.own_sources import named_sets
from ..errors import Mistake, quote_for_shell, require
from ..inference.load import load
from ..inference.run_data import open_run_data
from ..notices import Notify
from ..regular import check_no_link
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from ..runs.measures import measures_path, read_measurements
from .evaluation import DEFAULT_SAMPLES, DEFAULT_SOURCE_SAMPLES, check_game
from .held import circumstances
from .inputs import Measurable, SampleInfo, check_memory, is_named_source, is_run, open_measurable, prepare_like
from .makers import SampleMaker, sample_maker
from .metric_table import check_features, parse_metric_names
from .options import MeasureOptions
from .reference import (
    IMAGE_OPTIONS,
    SOURCE_OPTIONS,
    LazySamples,
    check_one_shape,
    check_there,
    open_reference,
    other_preparation,
    suiting,
)
from .shared_sampling import samples_by_all

WEIGHT_OPTIONS = {"best": "best weights", "average": "averaged weights", "weights": "named weights",
                  "standing": "standing statistics"}  # fmt: skip


@dataclass(frozen=True, eq=False)
class MeasureInputs:
    """What is measured: samples, what they are compared with, what a classifier learns from, and when of which run."""

    made: LazySamples
    real: LazySamples
    teacher: Callable[[], Dataset]
    maker: SampleMaker | None = None
    when: tuple[RunFolder, int, int] | None = None  # the run, images it had seen, its round
    key: Callable[[], str] = lambda: ""  # of all that figures of the run hang on, see held.py


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
    how: dict[str, Any] = {name: getattr(wish, name) for name in ("device", *WEIGHT_OPTIONS)}
    loaded = load(run, **how)
    check_game(parse_metric_names(wish.metrics) if wish.metrics else (), type(loaded.game))
    own = Prepare.of(manifest.settings)
    teacher = open_teacher(run, folder, before, manifest, wish, say)
    maker = sample_maker(run, loaded, teacher, say)
    info = SampleInfo(run, loaded.shape, maker.most(n), of_run=True)
    made = LazySamples(info, lambda: samples_by_all(maker, n, wish.seed, run, **how))
    if own_data:
        real = LazySamples.of(maker.reference or teacher, wish.references)
    else:
        assert against is not None
        real = open_reference(against, other_preparation(own, wish, say) if other else own, wish, say, True)
        if is_run(against) or not is_named_source(against):
            check_one_shape(made.info, real.info)
    clock = loaded.clock
    return MeasureInputs(made, real, lambda: teacher, maker, (folder, clock.images, clock.round),
                         lambda: circumstances(folder, loaded, (teacher, real.load()), wish))  # fmt: skip


def open_teacher(run: str, folder: RunFolder, before: Manifest, manifest: Manifest, wish: MeasureOptions,
                 say: Notify) -> Dataset:  # fmt: skip
    """A run's own data, where they lie now; it is said where they are others than those that it was trained on."""
    teacher = open_run_data(folder, manifest, say)
    if wish.data is not None:
        check_same_data(teacher, manifest, wish.data)
        if manifest != before and wish.data != IN_MEMORY:
            record_data_place(folder, manifest, say)
    elif teacher.fingerprint != manifest.data["fingerprint"]:
        say(f"warning: the data in {manifest.settings.data or 'glyphs'} has changed since {run} was trained")
    return teacher


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


def inputs_of_source(
    source: Measurable, against: Measurable | None, wish: MeasureOptions, say: Notify
) -> MeasureInputs:
    """A source of images against another, or against a run's samples."""
    what = str(source) if is_named_source(source) else "what is measured"
    require(wish.data is None, f"{what} is no run whose data could have been moved; leave out --data")
    for name, told in WEIGHT_OPTIONS.items():
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
