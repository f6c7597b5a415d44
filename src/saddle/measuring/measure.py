"""`measure`: figures of a run's samples, or of any images, against others."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from ..core import Mistake, require
from ..data import Prepare, open_data
from ..data.dataset import Dataset
from ..data.held import hold_out
from ..errors import nearest
from ..inference.load import load
from ..metrics.figures import Figure
from ..runs.folder import Folder, write_json
from ..runs.manifest import Manifest
from ..runs.measures import Measurement, add_measure, read_measures
from ..runs.quality import trained
from ..training.checkpoint import best_path, facts_of, latest
from ..training.machine import find_device
from .bench import GIVEN, MADE, Bench
from .eyes import Eyes, Say, silent
from .maker import Maker
from .named import chosen
from .picture import draw_copies
from .wish import Wish

SOURCE = ("size", "crop", "channels")  # options that say how a source's images are prepared


def measure(what: str | Path, against: str | None = None, *, say: Say = silent, **options: Any) -> list[Figure]:
    """Figures of a run's samples, or of a source of images, against a source (a run's own data if not given).

    Options are those of `Wish`: metrics="fid,kid", features="random", n=10_000 ... Figures of a run are also written
    into its measures.jsonl. Raises Mistake for what cannot be measured; what is measured never changes.
    """
    known = {field.name for field in fields(Wish)}
    for name in options:
        if name not in known:
            raise Mistake(f"measure has no option {name}{nearest(name, known)}")
    files = {name: Path(options[name]) for name in ("picture", "json") if options.get(name)}
    wish = Wish(against=against, **options | files)
    read = of_run if (Path(what) / "manifest.json").is_file() else of_source
    subject = read(str(what), wish, say)
    eyes = Eyes(subject.teacher, wish.features, resize=wish.resize, device=find_device(wish.device),
                download=wish.download, say=say)  # fmt: skip
    names = chosen(wish.metrics) if wish.metrics else eyes.fitting()
    bench = Bench(subject.made, subject.real, eyes, seed=wish.seed, maker=subject.maker,
                  counts=(wish.n or GIVEN, wish.references), say=say)  # fmt: skip
    figures = bench.figures(names, wish.per_class)
    if wish.picture:
        draw_copies(bench.case(eyes.default), wish.picture)
    if wish.json:
        write_json(wish.json, [figure.facts() for figure in figures])
    if subject.when:
        keep(subject.when, figures)
    return figures


@dataclass(frozen=True, eq=False)
class Subject:
    """What is measured: samples, what they are compared with, what a classifier learns from, and when of which run."""

    made: Dataset
    real: Dataset
    teacher: Dataset
    maker: Maker | None = None
    when: tuple[Folder, int, int] | None = None  # the run, images it had seen, its round


def of_run(run: str, wish: Wish, say: Say) -> Subject:
    """Samples of a checkpoint against its data, or other data prepared as these were."""
    for name in SOURCE:
        given = getattr(wish, name) != getattr(Wish(), name)
        require(not given, f"a run has its own {name}, to which the data are brought; leave out --{name}")
    folder = Folder.found(run)
    manifest = Manifest.read(folder)
    loaded = load(run, device=wish.device, average=wish.average, best=wish.best)
    own = {field.name: getattr(manifest.settings, field.name) for field in fields(Prepare)}
    source = manifest.settings.data or "glyphs"
    teacher = hold_out(open_data(source, Prepare(**own), say), manifest.settings.held_out)
    if teacher.fingerprint != manifest.data["fingerprint"]:
        say(f"warning: the data in {source} has changed since {run} was trained")
    elsewhere = dataclasses.replace(Prepare(**own), labels=None, limit=None)
    real = open_data(wish.against, elsewhere, say) if wish.against not in (None, source) else teacher
    maker = Maker(run, loaded)
    path = best_path(folder.checkpoints) if wish.best else latest(folder.checkpoints)
    assert path is not None, "load has read it"
    clock = facts_of(path)["clock"]
    made = maker.samples(wish.n or MADE, wish.seed)
    return Subject(made, real, teacher, maker, (folder, clock["images"], clock["round"]))


def of_source(source: str, wish: Wish, say: Say) -> Subject:
    """A source of images against another."""
    for name in ("best", "average"):
        require(getattr(wish, name) == getattr(Wish(), name), f"{source} is no run, so it has no {name} weights")
    if wish.against is None:
        raise Mistake(f"{source} is no run; name what to compare it with, as in --against mnist")
    prepare = Prepare(**{name: getattr(wish, name) for name in SOURCE})
    real = open_data(wish.against, prepare, say)
    return Subject(open_data(source, prepare, say), real, real)


def keep(when: tuple[Folder, int, int], figures: list[Figure]) -> None:
    """Write a run's figures into its folder, but for those that are there already."""
    folder, images, round = when
    there = [f for line in read_measures(folder) if line.images == images for f in line.figures]
    new = tuple(figure for figure in figures if figure not in there)
    if new:
        add_measure(folder, Measurement(images, round, trained(folder, images), new))
