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
    longer,
    moved,
    refuse_elsewhere,
    refuse_other_command,
    refuse_other_data,
    told_of_length,
)
from .core import Mistake, Recipe
from .data.dataset import Dataset
from .data.progress import hushed
from .data.words import settled
from .memory import enough
from .options import typed
from .recipes import files
from .recipes.copies import Code, keep, replaced, resumed
from .recipes.remedies import Wish
from .recipes.revive import reread, revive, same, trust_run, vocabulary
from .recipes.sources import Source
from .resolved import choose, how, opened, settle, suited
from .runs.folder import Folder
from .runs.manifest import Manifest
from .runs.settings import Settings, TrainKeywords
from .signatures import takes_fields_of
from .training.checkpoint import read_latest
from .training.described import describe, describe_machine
from .training.differing import differing
from .training.length import length, too_short
from .training.loop import Loop
from .training.machine import Machine, apart, machine, processes, rank, together, told, use_threads
from .training.match import Facts, Match
from .training.measured import Gauge, Measuring
from .training.watch import Together, Watcher, watchers

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


def onlookers(chosen: Settings) -> Watcher:
    """What shows the run; of several processes only the first has any."""
    return Together(*watchers(chosen.board, chosen.quiet)) if rank() == 0 else Watcher()


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
