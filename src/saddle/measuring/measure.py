"""`measure`: figures of a run's samples, or of any images, against others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Unpack

from ..batches import image_columns
from ..data.in_memory import use_given
from ..data.progress import hide_progress, tell_wait
from ..errors import did_you_mean, require
from ..hints import describe_type, field_types, fits_type
from ..metrics.diversity import WINDOW
from ..metrics.figures import Figure
from ..notices import Notify, notify_nobody
from ..out_of_memory import catch_out_of_memory
from ..recipes.plugins import use_plugin_for
from ..recipes.revive import trust_run
from ..runs.folder import RunFolder
from ..runs.measures import Measurement, append_measurement, measures_path, read_measurements
from ..runs.timing import read_pace
from ..runs.writing import check_file_writable, write_json
from ..signatures import takes_fields_of
from ..training.machine import find_device
from .evaluation import DEFAULT_SOURCE_SAMPLES, Evaluation, preflight
from .extractors import Extractors
from .held import held_figures
from .inputs import Measurable, is_run
from .makers import DataConverter, GeneratorHandle
from .measure_inputs import inputs_of_run, inputs_of_source
from .metric_table import MODE_METRICS, PAIRED_METRICS, POINT_METRICS, parse_metric_names, sensible
from .neighbours import plot_copies
from .options import MeasureKeywords, MeasureOptions
from .reference import suiting


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
    key = subject.key()
    held = held_figures(subject.when[0], key, names, eyes) if subject.when else {}
    if len(held) == len(names) and not wish.picture:
        return tell_held([figure for name in names for figure in held[name]], wish, say)
    bench = Evaluation(subject.made.load(), subject.real.load(), eyes, seed=wish.seed, maker=subject.maker,
                  neighbours=wish.k, asked=wish.n, counts=(wish.n or DEFAULT_SOURCE_SAMPLES, wish.references),
                  say=say)  # fmt: skip
    figures = [f for name in names for f in held.get(name) or bench.figures([name], wish.per_class)]
    if subject.when:  # first, so that nothing below can lose them
        save_figures(subject.when, figures, key, say)
    write_figures(wish.json, figures)
    if wish.picture:
        plot_copies(bench.metric_input(eyes.default), wish.picture)
    return figures


def tell_held(figures: list[Figure], wish: MeasureOptions, say: Notify) -> list[Figure]:
    """Figures that the run holds already, said to be those."""
    tell_wait(say, "these figures were measured before, and nothing that they hang on has changed since")
    for note in (f"warning: {figure.title}: {figure.note}" for figure in figures if figure.note):
        say(note)
    write_figures(wish.json, figures)
    return figures


def write_figures(file: Path | None, figures: list[Figure]) -> None:
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, [figure.facts() for figure in figures])


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


def choose_metrics(eyes: Extractors, real: str) -> tuple[str, ...]:
    """The metrics that say most; modes are known only where the data compared with are a mixture."""
    names = eyes.default_metrics()
    return POINT_METRICS if names == MODE_METRICS and real not in ("ring", "grid") else names


def save_figures(when: tuple[RunFolder, int, int], figures: list[Figure], key: str, say: Notify) -> None:
    """Write a run's figures into its folder, if it may be written to, but for those that are there already.

    `key`: of their circumstances, in which they are found again.
    """
    folder, images, round = when
    file = measures_path(folder)
    if not os.access(file if file.exists() else folder.path, os.W_OK):
        say(f"warning: {folder} may not be written to, so its figures are not kept there; --json FILE.json keeps them")
        return
    lines = [line for line in read_measurements(folder) if line.images == images and (line.key == key or not key)]
    there = [f for line in lines for f in line.figures]
    new = tuple(figure for figure in figures if figure not in there)
    if new:
        measurement = Measurement(images, round, read_pace(folder.timing).at(images), new, key=key)
        with folder.to_write() as own:
            append_measurement(own, measurement)
