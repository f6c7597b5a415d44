"""Train and resume: recipe, data and settings come together into a run."""

from __future__ import annotations

import dataclasses
import os
import platform
import statistics
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from . import __version__
from .core import Mistake, Recipe, require
from .data import Prepare, open_data
from .data.dataset import Dataset
from .data.held import hold_out
from .data.named import TOYS
from .data.sources import split
from .errors import nearest
from .options import count, typed
from .recipes import Entry, files, find
from .recipes.revive import chosen as picked
from .recipes.revive import named, reread, revive, same
from .runs.folder import Folder
from .runs.manifest import Manifest
from .runs.settings import Settings
from .training.checkpoint import read_latest
from .training.loop import Loop
from .training.machine import Machine, agreed, machine, processes, rank, together, told, wait
from .training.match import How, Match
from .training.measured import Gauge, Measuring
from .training.watch import Together, Watcher, watchers

MEASURED = 6.0  # seconds of playing that tell the speed
MEASUREMENTS = 10  # of a run, beside that of its beginning, where nothing is said of how many


def train(recipe: str | Recipe[Any] = "dcgan", data: str | None = None, *, out: str | Path | None = None,
          options: Mapping[str, str] | None = None, watch: Watcher | None = None, **settings: Any) -> Path:  # fmt: skip
    """Train a recipe on data and return the run's folder.

    `recipe` is a name (`saddle list`), a file and a name in it ("mine.py:MyGAN"), or a value such as DCGAN(batch=32);
    `options` changes fields as on the command line, {"optimizer.lr": "1e-4"}. Further settings are those of `Settings`:
    images, minutes, size, seed ... Raises Mistake for what cannot be done, Failure when the work fails, Interrupted
    on a signal.
    """
    files.refuse_while_reading()
    chosen = settle(data, settings)
    with together():
        watch = watch or onlookers(chosen)
        name, value, changes, chosen = choose(recipe, dict(options or {}), chosen)
        place = Folder.claim(out)
        samples = opened(chosen, watch)
        where = machine(chosen.device, chosen.precision)
        torch.set_num_threads(chosen.threads or torch.get_num_threads())
        how = How(chosen.seed, chosen.accumulate, chosen.ema)
        gauge = gauged(name, chosen, samples, where, watch)
        images = length(chosen, value, samples, where, how)
        folder = Folder(told(str(Folder.new(place, f"{label(name)}-{label(samples.name)}")) if rank() == 0 else None))
        manifest = Manifest(
            name, repr(value), changes, chosen, images, describe(samples), describe_machine(where),
            datetime.now().astimezone().isoformat(timespec="seconds"))  # fmt: skip
        if rank() == 0:
            manifest.write(folder)
        return run(folder, manifest, value, samples, where, watch, gauge)


def resume(path: str | Path, *, threads: int | None = None, watch: Watcher | None = None) -> Path:
    """Go on with a run exactly where it stopped; the same machine and number of threads give the same bits."""
    folder = Folder.found(path)
    manifest = Manifest.read(folder)
    chosen = manifest.settings
    with together():
        watch = watch or onlookers(chosen)
        value = revive(manifest.name, manifest.recipe, manifest.options)
        unchanged(folder, manifest, value)
        samples = opened(chosen, watch)
        if samples.fingerprint != manifest.data["fingerprint"]:
            raise Mistake(f"the data in {samples.name} has changed since this run began, and a run keeps its data")
        device = str(manifest.machine["device"])
        kind = device.partition(":")[0]  # of several processes each has a GPU of its own
        where = machine(device if processes() == 1 else kind, manifest.machine["precision"])
        for warning in differences(manifest, threads):
            watch.said(warning)
        gauge = gauged(manifest.name, chosen, samples, where, watch)
        return run(folder, manifest, value, samples, where, watch, gauge)


def run(folder: Folder, manifest: Manifest, recipe: Recipe[Any], samples: Dataset, where: Machine,
        watch: Watcher, gauge: Gauge | None) -> Path:  # fmt: skip
    chosen = manifest.settings
    how = How(chosen.seed, chosen.accumulate, chosen.ema)
    match = Match(recipe, samples, manifest.images, where, how)
    about = f" with {typed(manifest.options)}" if manifest.options else ""
    every = chosen.every or max(1, manifest.images // MEASUREMENTS)
    measuring = Measuring(folder, gauge, every, chosen.patience, watch) if chosen.measure else None
    loop = Loop(match, folder, manifest.identity, about=about, pictures=chosen.pictures,
                checkpoints=chosen.checkpoints, watch=watch, measuring=measuring,
                on_collapse=chosen.on_collapse)  # fmt: skip
    if rank():
        loop.go()
    else:
        with folder.mine():
            loop.go()
    return folder.path


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
    return Settings(data=data, **{**settings, **more})


def onlookers(chosen: Settings) -> Watcher:
    """What shows the run; of several processes only the first has any."""
    return Together(*watchers(chosen.board, chosen.quiet)) if rank() == 0 else Watcher()


def choose(recipe: str | Recipe[Any], options: dict[str, str],
           chosen: Settings) -> tuple[str, Recipe[Any], dict[str, str], Settings]:  # fmt: skip
    """The recipe's name, value and changed fields, and the settings with its own data where none was named."""
    by_name = isinstance(recipe, str)
    if not isinstance(recipe, str):
        recipe, options = named(recipe, options)
    _, entry = find(recipe)
    if by_name and chosen.data in (None, entry.data):
        options = at_home(entry, options)
    size = entry.size if chosen.data is None else None
    path, colon, attribute = recipe.rpartition(":")
    name = f"{Path(path).resolve()}:{attribute}" if colon and path.endswith(".py") else recipe
    chosen = dataclasses.replace(
        chosen, data=absolute(chosen.data or entry.data), size=chosen.size or size,
        labels=chosen.labels and absolute(chosen.labels))  # fmt: skip
    value = picked(recipe, options)
    require(value.batch >= 1, f"batch is {value.batch}, but should be at least 1")
    return name, value, options, chosen


def at_home(entry: Entry, options: dict[str, str]) -> dict[str, str]:
    """The options, with what a named recipe has beside them for the data that it trains on by itself."""
    given = {option.replace("-", "_") for option in options}
    return {f: value for f, value in entry.quick.items() if not given & {f, f.partition(".")[0]}} | options


def absolute(source: str) -> str:
    """A path, with the part or column behind it, as it is found from anywhere; a data set's name as it is."""
    name, part = split(source)
    if source in TOYS or name == "glyphs" or not Path(name).exists():
        return source
    return str(Path(name).resolve()) + (f":{part}" if part else "")


def opened(chosen: Settings, watch: Watcher) -> Dataset:
    """The data, decoded by the first process while the others wait."""
    fields = {field.name: getattr(chosen, field.name) for field in dataclasses.fields(Prepare)}
    source = chosen.data or "glyphs"
    if rank():
        wait()
    data = open_data(source, Prepare(**fields), watch.said if rank() == 0 else lambda sentence: None)
    if not rank():
        wait()
    return hold_out(data, chosen.held_out)


def length(chosen: Settings, recipe: Recipe[Any], data: Dataset, where: Machine, how: How) -> int:
    """The run's length in images; minutes become what this machine shows in them."""
    if chosen.images is not None:
        Match(recipe, data, chosen.images, where, how)  # refuses now what would fail later
        return chosen.images
    if chosen.epochs is not None:
        Match(recipe, data, 1, where, how)
        return max(1, round(chosen.epochs * len(data)))
    minutes = 2.0 if chosen.minutes is None else chosen.minutes
    images = minutes * 60 * speed(Match(recipe, data, 1_000_000, where, how))
    return max(recipe.batch, round(images / recipe.batch) * recipe.batch)


def speed(match: Match[Any]) -> float:
    """Images per second, played for a moment on a match that is then thrown away.

    The first seconds of a process are its slowest; of the others the middle one counts, whatever else the machine does.
    """
    rates, left = [], MEASURED
    while left > 0:
        images, seconds = stretch(match)
        rates.append(images / seconds)
        left -= seconds
    return statistics.median(rates[len(rates) // 3 :])


def stretch(match: Match[Any]) -> tuple[int, float]:
    """Play for about a second; returns the images shown and the seconds taken, the same in all processes."""
    images, began, milliseconds = match.clock.images, clock(match), 0
    while milliseconds < 1000:
        match.play()
        milliseconds = agreed(round((clock(match) - began) * 1000))[0]
    return match.clock.images - images, milliseconds / 1000


def clock(match: Match[Any]) -> float:
    if match.machine.device.type == "cuda":
        torch.cuda.synchronize(match.machine.device)
    return time.monotonic()


def unchanged(folder: Folder, manifest: Manifest, recipe: Recipe[Any]) -> None:
    """Refuse to go on from a checkpoint of something else, naming what differs."""
    checkpoint = read_latest(folder.checkpoints)
    if checkpoint is None:
        return
    then, now = checkpoint.facts["identity"], manifest.identity
    same(reread(manifest.name, then["recipe"]), recipe, "in the checkpoint", "in manifest.json now")
    for name, value in now.items():
        if then.get(name) != value:
            raise Mistake(f"{name} is {then.get(name)} in the checkpoint, but {value} in manifest.json now; "
                          "a run cannot go on with another")  # fmt: skip


def differences(manifest: Manifest, threads: int | None) -> list[str]:
    """Take the run's number of threads, and say where this machine's is another than it had."""
    then = manifest.machine
    torch.set_num_threads(threads or min(then["threads"], os.cpu_count() or 1))
    now = {"threads": torch.get_num_threads(), "processes": processes(), "torch": torch.__version__}
    return [f"warning: this run had {name} {then[name]}, now {value}: it goes on, but not to the same bits"
            for name, value in now.items() if then[name] != value]  # fmt: skip


def describe(data: Dataset) -> dict[str, Any]:
    counts = [] if data.labels is None else np.bincount(data.labels, minlength=len(data.classes)).tolist()
    return {"name": data.name, "fingerprint": data.fingerprint, "samples": len(data), "shape": list(data.shape),
            "classes": list(data.classes), "counts": counts}  # fmt: skip


def describe_machine(where: Machine) -> dict[str, Any]:
    return {"device": str(where.device), "precision": str(where.precision).removeprefix("torch."),
            "threads": torch.get_num_threads(), "processes": processes(), "saddle": __version__,
            "torch": torch.__version__, "python": platform.python_version(), "platform": platform.platform(),
            "command": sys.argv}  # fmt: skip


def label(name: str) -> str:
    """A name fit for a folder's."""
    stem = name.rpartition(":")[2] if ".py:" in name else name
    short = Path(stem).stem if "/" in stem else stem
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in short).strip("-").lower()[:40] or "data"
