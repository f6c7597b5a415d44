"""Train and resume: recipe, data and settings come together into a run."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Unpack

import torch

from .continued import (
    absolute,
    longer,
    moved,
    refuse_elsewhere,
    refuse_other_command,
    refuse_other_data,
    told_of_length,
)
from .core import Mistake, Recipe, Shape
from .data import Prepare, open_data
from .data.dataset import Dataset
from .data.held import hold_out, refuse_too_many
from .data.pile import Say, Suits
from .data.progress import hushed
from .data.sources import meant, silent, unmistakable
from .data.words import settled
from .errors import nearest
from .measuring.named import judged, judged_of_data
from .memory import enough
from .options import count, typed
from .recipes import Entry, canonical, files, find
from .recipes.copies import Code, keep, replaced, resumed
from .recipes.rehearsal import rehearse
from .recipes.remedies import Attempt, Try, Understand, Wish, advised, remedy
from .recipes.revive import carried, changed, named, reread, revive, same, trust_run, vocabulary
from .recipes.sources import Source
from .runs.folder import Folder
from .runs.manifest import Manifest
from .runs.settings import Settings, TrainKeywords
from .signatures import takes_fields_of
from .training.checkpoint import read_latest
from .training.described import describe, describe_machine
from .training.differing import differing
from .training.length import length, too_short
from .training.loop import Loop
from .training.machine import Machine, apart, machine, processes, rank, together, told, use_threads, wait
from .training.match import Facts, How, Match
from .training.measured import Gauge, Measuring
from .training.watch import Together, Watcher, watchers

CLASSES = 62  # of drawn glyphs
TOYS = ("ring", "grid", "swiss-roll")
MEASUREMENTS = 10  # of a run, beside that of its beginning, where nothing is said of how many


@takes_fields_of(Settings, TrainKeywords)
def train(recipe: str | Recipe[Any] = "dcgan", data: str | None = None, *, out: str | Path | None = None,
          resume: Literal["auto"] | None = None, options: Mapping[str, str] | None = None,
          watch: Watcher | None = None, **settings: Unpack[TrainKeywords]) -> Path:  # fmt: skip
    """Train a recipe on data and return the run's folder.

    `recipe` is a name (`saddle list`), a file and a name in it ("mine.py:MyGAN"), or a value such as DCGAN(batch=32);
    `options` changes fields as on the command line, {"optimizer.lr": "1e-4"}. `out` is the run's folder, a new one in
    runs/ if not given. With `resume="auto"` the same call goes on with the run in `out` if one was begun there, and
    only reports one that is finished; another recipe, other data or settings are refused. `watch` is told what happens.
    Raises Mistake for what cannot be done, Failure when the work fails, Interrupted on a signal.
    """
    files.refuse_while_reading()
    refuse_elsewhere(resume, out)
    chosen = settle(data, settings)
    with hushed(chosen.quiet), enough(), apart(), together():
        watch = watch or onlookers(chosen)
        asked, wish = chosen, Wish(dict(options or {}), {})
        name, value, changes, chosen, source = choose(recipe, dict(options or {}), chosen)
        if resume and out is not None and begun(out):
            return go_on(Folder.found(out), value, chosen, watch)
        use_threads(chosen.threads)
        place = Folder.claim(out)
        where = machine(chosen.device, chosen.precision)
        samples = suited(recipe, wish, asked, chosen, value.batch, where, watch)
        gauge = gauged(name, chosen, samples, where, watch)
        images = length(chosen, value, samples, where, how(chosen))
        folder = Folder(told(str(Folder.new(place, f"{label(name)}-{label(samples.name)}")) if rank() == 0 else None))
        manifest = Manifest(
            name, repr(value), changes, chosen, images, describe(samples), describe_machine(where),
            datetime.now().astimezone().isoformat(timespec="seconds"), source.hashes if source else {})  # fmt: skip
        with kept(folder):
            if rank() == 0:
                folder.refuse_another()
                keep(source, folder)
                manifest.write(folder)
            loop = prepared(folder, manifest, value, samples, where, watch, gauge)
            loop.restore(None)
            loop.go()
            if said := too_short(chosen, images, loop.seconds_played, folder):
                watch.said(said)
        return folder.path


def begun(out: str | Path) -> bool:
    """Is there a run that has its manifest? Of several processes the first looks, before any of them makes one."""
    return told("begun" if rank() == 0 and Folder(out).manifest.exists() else "") == "begun"


def go_on(folder: Folder, recipe: Recipe[Any], chosen: Settings, watch: Watcher) -> Path:
    """Go on with a run by the command that it was begun with; its data may have been moved, and are then compared."""
    manifest = Manifest.read(folder)
    then = manifest.settings
    data = None if chosen.data == then.data else chosen.data
    refuse_other_command(folder, moved(folder, manifest, data, "resume"), recipe, chosen)
    threads = None if chosen.threads == then.threads else chosen.threads
    return resume(folder.path, threads=threads, data=data, watch=watch, quiet=chosen.quiet)


def resume(path: str | Path, *, threads: int | None = None, data: str | None = None, images: str | int | None = None,
           watch: Watcher | None = None, trust: bool = False, code: Code | None = None,
           quiet: bool = False) -> Path:  # fmt: skip
    """Go on with a run exactly where it stopped; the same machine and number of threads give the same bits.

    `data` says where its data lie now, which are known by their content. `images` makes it longer: so many in all, or
    "+100k" on top; what is scheduled over the run is then so in shares of the new length. `trust`: run the recipe's
    file that the run brings, though nobody has named it on this machine. `code`: if the file was edited since, go on
    with the run's own "copy" of it, or the "file" as it is. `quiet`: say only what needs attention. Raises as `train`.
    """
    if trust:
        trust_run(path)
    folder = Folder.found(path)
    manifest = Manifest.read(folder)
    shown = dataclasses.replace(manifest.settings, quiet=quiet or manifest.settings.quiet)
    with hushed(shown.quiet), enough(), apart(), together(), kept(folder):
        restored(folder, manifest, threads, watch or onlookers(shown), code, data, images).go()
        return folder.path


def restored(folder: Folder, before: Manifest, threads: int | None, watch: Watcher, code: Code | None,
             data: str | None, images: str | int | None) -> Loop:  # fmt: skip
    """A run that stands where it stopped; its checkpoint, as large as the networks, is let go of before it plays on."""
    source = resumed(folder, before, code, watch.said)
    value = revive(folder, before, source)
    checkpoint = read_latest(folder.checkpoints)
    shown = checkpoint.facts["clock"]["images"] if checkpoint else 0
    manifest = longer(before, value, images, shown)
    if checkpoint:
        unchanged(checkpoint.facts, manifest, value, source)
    moved(folder, manifest, data, "resume")
    if said := told_of_length(folder, manifest, before, shown):
        watch.said(said)
    if rank() == 0:
        before = replaced(folder, before, source, shown)
    manifest = moved(folder, longer(before, value, images, shown), data, "resume")
    chosen = manifest.settings
    samples = opened(chosen, watch, say=settled(watch.said))
    refuse_other_data(samples, manifest, data)
    device = str(manifest.machine["device"])
    kind = device.partition(":")[0]  # of several processes each has a GPU of its own
    where = machine(device if processes() == 1 else kind, manifest.machine["precision"])
    for warning in differences(manifest, threads):
        watch.said(warning)
    gauge = gauged(manifest.name, chosen, samples, where, watch)
    loop = prepared(folder, manifest, value, samples, where, watch, gauge)
    loop.restore(checkpoint)
    if manifest != before and rank() == 0:
        manifest.write(folder)
        folder.keep()
    return loop


def prepared(folder: Folder, manifest: Manifest, recipe: Recipe[Any], samples: Dataset, where: Machine,
             watch: Watcher, gauge: Gauge | None) -> Loop:  # fmt: skip
    chosen = manifest.settings
    match = Match(recipe, samples, manifest.images, where, how(chosen))
    for sentence in differing(match.game, match.stage.batch, chosen.accumulate, processes()):
        watch.said(sentence)
    about = f" with {typed(manifest.options)}" if manifest.options else ""
    every = chosen.every or max(1, manifest.images // MEASUREMENTS)
    measuring = Measuring(folder, gauge, every, chosen.patience, watch) if chosen.measure else None
    return Loop(match, folder, manifest.identity, about=about, pictures=chosen.pictures,
                checkpoints=chosen.checkpoints, watch=watch, measuring=measuring,
                on_collapse=chosen.on_collapse)  # fmt: skip


def how(chosen: Settings) -> How:
    return How(chosen.seed, chosen.accumulate, chosen.ema)


@contextmanager
def kept(folder: Folder) -> Iterator[None]:
    """Nobody else writes into the run in here; of several processes the first sees to that."""
    with nullcontext() if rank() else folder.mine():
        yield


def gauged(name: str, chosen: Settings, samples: Dataset, where: Machine, watch: Watcher) -> Gauge | None:
    """What measures the run, if that was asked for; of several processes the first does."""
    if chosen.measure is None or rank():
        return None
    from .measuring import gauge

    return gauge.Gauge(name, samples, chosen, where.device, watch.said)


def settle(data: str | None, settings: Mapping[str, Any]) -> Settings:
    """Settings from keywords, refusing unknown ones by the nearest name."""
    known = {field.name for field in dataclasses.fields(Settings)}
    for name in settings:
        if name not in known:
            raise Mistake(f"there is no setting {name}{nearest(name, known)}")
    counts = {name: settings.get(name) for name in ("images", "every", "samples")}
    more = {name: count(value) for name, value in counts.items() if isinstance(value, str)}
    chosen = Settings(data=data, **{**settings, **more})
    if chosen.measure is not None:
        judged(chosen.measure, chosen.features, chosen.patience, chosen.samples)
    return chosen


def onlookers(chosen: Settings) -> Watcher:
    """What shows the run; of several processes only the first has any."""
    return Together(*watchers(chosen.board, chosen.quiet)) if rank() == 0 else Watcher()


def choose(recipe: str | Recipe[Any], options: dict[str, str],
           chosen: Settings) -> tuple[str, Recipe[Any], dict[str, str], Settings, Source | None]:  # fmt: skip
    """The recipe's name, value and changed fields, the settings with its own data where none was named; its source."""
    by_name = isinstance(recipe, str)
    if not isinstance(recipe, str):
        recipe, options = named(recipe, options)
    recipe = canonical(recipe)
    standard, entry = find(recipe)
    data = None if chosen.data is None else absolute(meant(chosen.data))
    if by_name and data in (None, entry.data):
        options = at_home(entry, options)
    size = entry.size if chosen.data is None else None
    path, colon, attribute = recipe.rpartition(":")
    name = f"{Path(path).resolve()}:{attribute}" if colon and path.endswith(".py") else recipe
    chosen = dataclasses.replace(
        chosen, data=entry.data if data is None else data, size=chosen.size or size,
        labels=None if chosen.labels is None else absolute(chosen.labels))  # fmt: skip
    value = changed(standard, entry, options)
    return name, value, options, chosen, carried(value, entry)


def suited(recipe: str | Recipe[Any], wish: Wish, asked: Settings, chosen: Settings, batch: int, where: Machine,
           watch: Watcher) -> Dataset:  # fmt: skip
    """The data, if such can be played on; what cannot is refused before pictures are read, as far as can be told."""
    rehearsed: list[Shape] = []

    def suits(shape: Shape, most: int | None) -> None:
        if most is not None:
            refuse_too_many(chosen.held_out, most)
            most -= chosen.held_out
        judged_of_data(chosen, shape, most)
        rehearsed.append(playable(recipe, wish, asked, shape, where, most))

    samples = opened(chosen, watch, suits)
    if samples.shape not in rehearsed or batch > len(samples):
        playable(recipe, wish, asked, samples.shape, where, len(samples))
    return samples


def playable(recipe: str | Recipe[Any], wish: Wish, asked: Settings, data: Shape, where: Machine,
             most: int | None = None) -> Shape:  # fmt: skip
    """The shape, if such data can be played on; else refused, before anything is read or written, proposing what can.

    `most`: how many samples there are, once that is known.
    """

    understand, attempt = tries(recipe, asked, data, where, most)
    try:
        attempt(understand(wish), True)
    except Mistake as refusal:
        raise advised(refusal, wish, understand, attempt) from None
    return data


def playable_with(recipe: str, options: Mapping[str, str]) -> Mapping[str, str]:
    """These options and whatever else it takes that a recipe can be played on glyphs, or points, of its own with them.

    Nothing where no change is known that helps.
    """
    _, entry = find(recipe)
    size = entry.size or 32
    data = Shape(2, 1, 1) if entry.data in TOYS else Shape(1, size, size, CLASSES)
    understand, attempt = tries(recipe, Settings(device="cpu"), data, machine("cpu"))
    wish = Wish(options, {})
    with apart():
        try:
            attempt(understand(wish), True)
        except Mistake as refusal:
            found = remedy(wish, refusal, understand, attempt)
            return found.options if found and not found.settings and options.items() <= found.options.items() else {}
    return options


def tries(recipe: str | Recipe[Any], asked: Settings, data: Shape, where: Machine,
          most: int | None = None) -> tuple[Understand, Try]:  # fmt: skip
    """How a wish is understood as something that can be played on such data, and how that is tried."""

    def understand(wish: Wish) -> Attempt:
        _, value, _, chosen, _ = choose(recipe, dict(wish.options), dataclasses.replace(asked, **wish.settings))
        shape, size = Shape(1, 0, 0, CLASSES) if "data" in wish.settings else data, wish.settings.get("size")
        return Attempt(value, shape._replace(height=size, width=size) if size else shape, how(chosen), most)

    def attempt(at: Attempt, fully: bool) -> None:
        sampled = asked.measure is not None
        rehearse(at.recipe, at.data, where, at.how, most=at.most, sampled=sampled, fully=fully)

    return understand, attempt


def at_home(entry: Entry, options: dict[str, str]) -> dict[str, str]:
    """The options, with what a named recipe has beside them for the data that it trains on by itself."""
    given = {option.replace("-", "_") for option in options}
    return {f: value for f, value in entry.quick.items() if not given & {f, f.partition(".")[0]}} | options


def opened(chosen: Settings, watch: Watcher, suits: Suits = lambda shape, most: None,
           say: Say | None = None) -> Dataset:  # fmt: skip
    """The data, decoded by the first process while the others wait."""
    fields = {field.name: getattr(chosen, field.name) for field in dataclasses.fields(Prepare)}
    source = unmistakable(chosen.data or "glyphs")
    if rank():
        wait()
    data = open_data(source, Prepare(**fields), (say or watch.said) if rank() == 0 else silent, suits=suits)
    if not rank():
        wait()
    return hold_out(data, chosen.held_out)


def unchanged(facts: Facts, manifest: Manifest, recipe: Recipe[Any], source: Source | None) -> None:
    """Refuse to go on from a checkpoint of something else, naming what differs."""
    then, now = facts.get("identity") or {}, manifest.identity
    known = vocabulary(manifest, source)
    same(reread(str(then.get("recipe")), known), recipe, "in the checkpoint", "in manifest.json now")
    if name := manifest.other_in(then):
        raise Mistake(f"{name} is {then.get(name)} in the checkpoint, but {now[name]} in manifest.json now; "
                      "a run cannot go on with another")  # fmt: skip
    if then["images"] != manifest.images and isinstance(facts.get("measured"), dict):
        facts["measured"]["since"] = 0  # it is to go on: patience begins anew


def differences(manifest: Manifest, threads: int | None) -> list[str]:
    """Take the run's number of threads, and say where this machine's is another than it had."""
    then = manifest.machine
    use_threads(threads or min(then["threads"], os.cpu_count() or 1))
    now = {"threads": torch.get_num_threads(), "processes": processes(), "torch": torch.__version__}
    return [f"warning: this run had {name} {then[name]}, now {value}: it goes on, but not to the same bits"
            for name, value in now.items() if then[name] != value]  # fmt: skip


def label(name: str) -> str:
    """A name fit for a folder's."""
    stem = name.rpartition(":")[2] if ".py:" in name else name
    short = Path(stem).stem if "/" in stem else stem
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in short).strip("-").lower()[:40] or "data"
