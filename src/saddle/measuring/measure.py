"""`measure`: figures of a run's samples, or of any images, against others."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Unpack

from ..continued import moved, refuse_other_data, remember
from ..core import Mistake, Shape, require
from ..data import Prepare, open_data
from ..data.dataset import Dataset
from ..data.held import hold_out
from ..data.pile import Suits
from ..data.progress import hushed
from ..data.sources import meant, unmistakable
from ..data.words import settled
from ..errors import nearest, quoted
from ..hints import fields, fits, wanted
from ..inference.load import load
from ..memory import enough
from ..metrics.figures import Figure
from ..recipes.revive import trust_run
from ..regular import refuse_link
from ..runs.folder import Folder, write_json
from ..runs.manifest import Manifest
from ..runs.measures import Measurement, add_measure, measures, read_measures
from ..runs.timing import read_pace
from ..signatures import takes_fields_of
from ..training.machine import find_device
from .bench import GIVEN, MADE, Bench
from .eyes import Eyes, Say, silent
from .foreseen import foresee, foretell
from .given import Given, as_reference, fitted, is_run, named, opened, writable
from .maker import Maker
from .named import FOR_MODES, FOR_POINTS, chosen, looked_through, sensible
from .picture import draw_copies
from .sides import Known, described, room
from .wish import MeasureKeywords, Wish

# options that say how a source's images are prepared
MADE_READY = ("size", "crop", "channels")  # what a run's samples are already
FOUND = ("labels", "range", "alpha", "frames", "follow_links")  # what is asked about the files of a source
SOURCE = MADE_READY + FOUND


@takes_fields_of(Wish, MeasureKeywords)
@enough("a smaller -n needs less, or fewer --references")
def measure(what: Given, against: Given | None = None, *, say: Say = silent,
            **options: Unpack[MeasureKeywords]) -> list[Figure]:  # fmt: skip
    """Figures of a run's samples, or of a source of images, against a source (a run's own data if not given).

    Both may be a run's folder, a source's name or path, an array or tensor of images or of points (n, 2), or a
    Dataset. Images are uint8, or floats in [0, 1] or [-1, 1], (n, h, w), (n, h, w, c) or (n, c, h, w). Options
    are those of the command line: metrics="fid,kid", features="random", n=10_000 ... Figures of a run are also written
    into its measures.jsonl. Raises Mistake for what cannot be measured; what is measured never changes.
    """
    wish = wished(options)
    with hushed(wish.quiet):
        return taken(what, against, wish, say)


def taken(what: Given, against: Given | None, wish: Wish, say: Say) -> list[Figure]:
    """The figures that are wished for, written wherever they are to be kept."""
    sensible(wish)
    where = find_device(wish.device)
    for file in [file for file in (wish.picture, wish.json) if file]:
        writable(file)
    for run in [str(side) for side in (what, against) if wish.trust and side is not None and is_run(side)]:
        trust_run(run)
    subject = of_run(str(what), against, wish, say) if is_run(what) else of_source(what, against, wish, say)
    made, real = subject.made.known, subject.real.known
    suiting(wish, real.name, subject.maker is not None)(real.shape, real.n)
    eyes = Eyes(subject.teacher(), wish.features, resize=wish.resize, device=where,
                download=wish.download, say=say)  # fmt: skip
    names = chosen(wish.metrics) if wish.metrics else fitting(eyes, real.name)
    foresee(names, eyes, made, real, subject.maker is not None)
    bench = Bench(subject.made.get(), subject.real.get(), eyes, seed=wish.seed, maker=subject.maker,
                  counts=(wish.n or GIVEN, wish.references), say=say)  # fmt: skip
    figures = bench.figures(names, wish.per_class)
    if subject.when:  # first, so that nothing below can lose them
        keep(subject.when, figures, say)
    if wish.json:
        wish.json.parent.mkdir(parents=True, exist_ok=True)
        write_json(wish.json, [figure.facts() for figure in figures])
    if wish.picture:
        draw_copies(bench.case(eyes.default), wish.picture)
    return figures


@dataclass(frozen=True, eq=False)
class Awaited:
    """A side of the measurement, of which samples are made or read when all else is known to be right."""

    known: Known
    get: Callable[[], Dataset]

    @staticmethod
    def of(data: Dataset, most: int) -> Awaited:
        return Awaited(Known.of(data, most), lambda: data)


@dataclass(frozen=True, eq=False)
class Subject:
    """What is measured: samples, what they are compared with, what a classifier learns from, and when of which run."""

    made: Awaited
    real: Awaited
    teacher: Callable[[], Dataset]
    maker: Maker | None = None
    when: tuple[Folder, int, int] | None = None  # the run, images it had seen, its round


def wished(options: Mapping[str, Any]) -> Wish:
    """Raises Mistake for an option that there is not, and for a value of another kind than it should be."""
    known, given = fields(Wish), dict(options)
    for name in options:
        require(name in known and name != "against", f"measure has no option {name}{nearest(name, known)}")
    for name in ("picture", "json"):
        given |= {name: Path(given[name])} if isinstance(given.get(name), str) else {}
    if isinstance(given.get("metrics"), list | tuple):
        given["metrics"] = ",".join(map(str, given["metrics"]))
    for name, value in given.items():
        require(fits(value, known[name]), f"{name} is {value!r}, but should be {wanted(known[name], {})}")
    return Wish(**given)


def suiting(wish: Wish, real: str, of_run: bool, windows: bool = False) -> Suits:
    """Refuses, by the shape of the data compared with, what is not to be had of them: before they are read."""

    def suits(shape: Shape, most: int | None) -> None:
        require(not (wish.picture and shape.points), "points are not looked at in pairs; leave out --picture")
        require(shape.classes > 0 or not wish.per_class, f"figures per class need labels, and {real} has none")
        count = wish.references if most is None else min(most, wish.references)
        samples = wish.n or (MADE if of_run else GIVEN)
        foretell(wish.metrics, wish.features, Known(real, shape, count), samples, of_run, windows, wish.download)

    return suits


def fitting(eyes: Eyes, real: str) -> tuple[str, ...]:
    """The metrics that say most; modes are known only where the data compared with are a mixture."""
    names = eyes.fitting()
    return FOR_POINTS if names == FOR_MODES and real not in ("ring", "grid") else names


def of_run(run: str, against: Given | None, wish: Wish, say: Say) -> Subject:
    """Samples of a checkpoint against its data, or other data prepared as these were."""
    folder = Folder.found(run)
    before = Manifest.read(folder)
    refuse_link(measures(folder), folder.path)
    read_measures(folder)
    source = before.settings.data or "glyphs"
    other = against is not None and named(against) and not is_run(against) and str(against) != source
    for name in MADE_READY if other else SOURCE:
        given = getattr(wish, name) != getattr(Wish(), name)
        require(not given, f"a run has its own {name}, to which the data are brought; leave out --{name}")
    manifest = moved(folder, before, wish.data, "measure")
    if said := otherwise(run, manifest.settings.features, wish.features):
        say(said)
    suits = suiting(wish, source, True, manifest.settings.crop == "random")
    n, own_data = wish.n or MADE, against is None or (named(against) and str(against) == source)
    if own_data:
        suits(Shape(*manifest.data["shape"]), None)
    room(n, Shape(*manifest.data["shape"]), "-n")
    maker = Maker(run, load(run, device=wish.device, average=wish.average, best=wish.best))
    own = Prepare(**{name: getattr(manifest.settings, name) for name in fields(Prepare)})
    source = manifest.settings.data or "glyphs"
    teacher = hold_out(open_data(unmistakable(source), own, settled(say)), manifest.settings.held_out)
    if wish.data is not None:
        refuse_other_data(teacher, manifest, wish.data)
        if manifest != before:
            remember(folder, manifest, say)
    elif teacher.fingerprint != manifest.data["fingerprint"]:
        say(f"warning: the data in {source} has changed since {run} was trained")
    made = Awaited(Known(run, maker.loaded.shape, n, of_run=True), lambda: maker.samples(n, wish.seed))
    if own_data:
        real = Awaited.of(teacher, wish.references)
    else:
        assert against is not None
        real = reference(against, asked(own, wish, say) if other else own, wish, say, True)
        if is_run(against) or not named(against):
            alike(made.known, real.known)
    clock = maker.loaded.clock
    return Subject(made, real, lambda: teacher, maker, (folder, clock.images, clock.round))


def otherwise(run: str, trained: str, asked: str) -> str:
    """A sentence on features that a run was measured through as it trained, where nobody names any now."""
    if asked != "auto" or trained == "auto":
        return ""
    said = f"{run} was measured through --features {quoted(trained)} as it trained, and is measured now through what "
    try:
        looked_through(trained)
    except Mistake as mistake:
        return f"{said}suits its data, for of those {mistake}"
    return f"{said}suits its data; name them to get figures of the same kind"


def asked(own: Prepare, wish: Wish, say: Say) -> Prepare:
    """How another source is made ready: as the run's own data, but for what is said of its files."""
    given = {name: getattr(wish, name) for name in FOUND if getattr(wish, name) != getattr(Wish(), name)}
    kept = {name: getattr(own, name) for name in FOUND[1:] if getattr(own, name) != getattr(Wish(), name)}
    if left := [name.replace("_", "-") for name in kept if name not in given]:
        say(f"what it is compared with is read as the run's own data, with their {', '.join(left)}; --{left[0]} and so "
            "on say otherwise")  # fmt: skip
    return dataclasses.replace(own, **{"limit": None, "labels": None} | given)


def of_source(source: Given, against: Given | None, wish: Wish, say: Say) -> Subject:
    """A source of images against another, or against a run's samples."""
    what = str(source) if named(source) else "what is measured"
    require(wish.data is None, f"{what} is no run whose data could have been moved; leave out --data")
    for name in ("best", "average"):
        require(getattr(wish, name) == getattr(Wish(), name), f"{what} is no run, so it has no {name} weights")
    if against is None:
        raise Mistake(f"{what} is no run; name what to compare it with, as in --against mnist")
    prepare = Prepare(**{name: getattr(wish, name) for name in SOURCE})
    if not named(source):
        made = Awaited.of(opened(source, prepare, say, "samples in memory"), wish.n or GIVEN)
        real = reference(against, fitted(prepare, made.known.shape), wish, say)
    else:
        real = reference(against, prepare, wish, say)
        theirs = prepare if named(against) and not is_run(against) else fitted(prepare, real.known.shape)
        made = Awaited.of(opened(source, theirs, say, ""), wish.n or GIVEN)
    if not (named(source) and named(against)) or is_run(against):
        alike(made.known, real.known)
    return Subject(made, real, real.get)


def reference(against: Given, prepare: Prepare, wish: Wish, say: Say, of_run: bool = False) -> Awaited:
    """What is compared with: of a run its samples, from other latents than those of the run that is measured."""
    if not is_run(against):
        suits = suiting(wish, meant(str(against)) if named(against) else "data in memory", of_run)
        return Awaited.of(as_reference(opened(against, prepare, say, "data in memory", suits)), wish.references)
    loaded = load(str(against), device=wish.device)
    maker = Maker(f"{Path(str(against)).resolve().name} at {loaded.clock.images:,} images", loaded)
    n = min(wish.references, max(MADE, wish.n or 0))
    made = cache(lambda: as_reference(maker.samples(n, wish.seed + 1)))
    return Awaited(Known(maker.name, loaded.shape, n), made)


def alike(made: Known, real: Known) -> None:
    """Raises Mistake where two shapes differ that no option could bring together."""
    ours, theirs = (described(side.shape) for side in (made, real))
    require(ours == theirs, f"{made.name} has {ours} and {real.name} has {theirs}; both sides must be of one shape")


def keep(when: tuple[Folder, int, int], figures: list[Figure], say: Say) -> None:
    """Write a run's figures into its folder, if it may be written to, but for those that are there already."""
    folder, images, round = when
    file = measures(folder)
    if not os.access(file if file.exists() else folder.path, os.W_OK):
        say(f"warning: {folder} may not be written to, so its figures are not kept there; --json FILE keeps them")
        return
    there = [f for line in read_measures(folder) if line.images == images for f in line.figures]
    new = tuple(figure for figure in figures if figure not in there)
    if new:
        add_measure(folder, Measurement(images, round, read_pace(folder.timing).at(images), new))
