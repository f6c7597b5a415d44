"""What of a run may become another when it is gone on with: where its data lie, and how long it is."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, takewhile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple

from .averaging import chosen_averaging
from .clock import Clock, Schedule, value_range
from .data.dataset import Dataset
from .data.in_memory import IN_MEMORY
from .data.own_sources import named_sets
from .data.prepare import Decode
from .data.sources import split_suffix
from .errors import Failure, Mistake, quote_for_shell, require
from .notices import Notify
from .options import parse_count
from .recipe import Recipe
from .recipes.revive import check_same_recipe, recipe_from_manifest
from .runs.folder import RunFolder
from .runs.manifest import Manifest
from .runs.settings import Fast, Settings
from .seconds import Seconds
from .stages import plan_stages, stage_index
from .training.checkpoint import latest_checkpoint, read_checkpoint_facts

LENGTHS = ("images", "minutes", "epochs")


class Means(NamedTuple):
    """How a run is gone on with; None: as before. `recompute`, `shard`, `fast` and `exact` change its last bits."""

    decode: Decode | None = None
    recompute: bool | None = None
    shard: bool | None = None
    grace: Seconds | None = None
    fast: Fast | None = None
    exact: bool | None = None


FREE = ("threads", "quiet", *Means._fields)  # settings that a run is not the run by


def absolute_source(source: str) -> str:
    """A path, with the part or column behind it, as it is found from anywhere; a data set's name as it is."""
    name, part = split_suffix(source)
    if source == IN_MEMORY or name in named_sets() or not os.path.exists(name):
        return source
    return str(Path(name).resolve()) + (f":{part}" if part else "")


def relocate_data(folder: RunFolder, manifest: Manifest, data: str | None, command: str) -> Manifest:
    """The manifest with the place where its data lie now, and a table of labels that lay among them.

    Raises Mistake, with what to type, where the data are not where they were and no other place is named.
    """
    chosen = manifest.settings
    old, _ = split_suffix(chosen.data or "")
    if data is None:
        if is_place(old) and not os.path.exists(old):
            say = f"`saddle {command} {quote_for_shell(folder)} --data PLACE` says where they lie now"
            raise Mistake(f"the data of {folder} are no more at {old}; {say}")
        return manifest
    new = absolute_source(data)
    labels, captions = (moved_table(table, old, split_suffix(new)[0]) for table in (chosen.labels, chosen.captions))
    moved = dataclasses.replace(chosen, data=new, labels=labels, captions=captions,
                                source=relocate_source(chosen.source, old, new))  # fmt: skip
    return dataclasses.replace(manifest, settings=moved)


def is_place(path: str) -> bool:
    """Is this a whole path, of this system or of the one that the run comes from?"""
    return PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute()


def moved_table(table: str | None, old: str, new: str) -> str | None:
    """A table that lay among data which have been moved, where it lies now."""
    if not table or os.path.exists(split_suffix(table)[0]) or not table.startswith(os.path.join(old, "")):
        return table
    return os.path.join(new, table.removeprefix(os.path.join(old, "")))


def relocate_source(source: str | None, old: str, new: str) -> str | None:
    """Where the images lie that data were made from: as they lay beside the data, if they are no more where they were.

    Raises Mistake where they are not there either.
    """
    place, part = split_suffix(source or "")
    if source is None or not os.path.isabs(place) or os.path.exists(place):
        return source
    beside = os.path.normpath(os.path.join(split_suffix(new)[0], os.path.relpath(place, old)))
    require(os.path.exists(beside), f"what the data were made from is no more at {place}, and not at {beside}, beside "
                                    "them as before; put it at either place")  # fmt: skip
    return beside + (f":{part}" if part else "")


def with_means(manifest: Manifest, means: Means) -> Manifest:
    """The manifest of a run that is gone on with by these means."""
    named = {name: value for name, value in means._asdict().items() if value is not None}
    return dataclasses.replace(manifest, settings=dataclasses.replace(manifest.settings, **named))


def check_same_data(samples: Dataset, manifest: Manifest, named: str | None) -> None:
    """Data are known by their content, and a run keeps its own."""
    if samples.fingerprint != manifest.data["fingerprint"]:
        name = samples.name.removeprefix("data in ")
        changed = "has changed since this run began" if named is None else "is other than what this run was begun with"
        raise Mistake(f"the data in {name} {changed}, and a run keeps its data")


def refuse_elsewhere(resume: str | None, out: str | Path | None) -> None:
    """Only "auto" is a way of resuming here, and only a named folder is found again."""
    require(resume in (None, "auto"), f'resume is {resume!r}, but should be auto; `saddle resume RUN`, in Python '
                                      "saddle.resume(RUN), goes on with a run by its folder")  # fmt: skip
    require(resume is None or out is not None, "resume auto looks for the run in its folder; name it with --out")


def refuse_other_command(folder: RunFolder, manifest: Manifest, recipe: Recipe[Any], chosen: Settings) -> None:
    """The same command goes on with its run; one that says otherwise is refused, naming the first field."""
    check_same_recipe(recipe_from_manifest(folder, manifest), recipe, f"in {folder}", "in this command")
    then = manifest.settings
    for name in (field.name for field in dataclasses.fields(chosen) if field.name not in FREE):
        old, new = getattr(then, name), getattr(chosen, name)
        if name == "ema" and chosen_averaging(recipe.average, old) == chosen_averaging(recipe.average, new):
            continue  # 0.1.0 wrote down the half-life that is the recipe's now
        more = suggest_longer(folder.path) if name in LENGTHS else ""
        longer = more and f"; `saddle resume {quote_for_shell(folder)} --images {more}` makes it longer"
        require(old == new, f"{name} is {said(old)} in {folder}, but {said(new)} in this command; a run goes on as it "
                            f"was begun{longer or ', or another --out begins one'}")  # fmt: skip


def said(value: object) -> object:
    return "not given" if value is None else value


def record_data_place(folder: RunFolder, manifest: Manifest, say: Notify) -> None:
    """Write down where the data lie now, if the run may be written to and nobody else does so."""
    with suppress(Mistake, Failure), folder.to_write() as own, own.lock():
        manifest.write(own)
        say(f"{folder} remembers that its data lie in {manifest.settings.data}")


def extend_length(manifest: Manifest, recipe: Recipe[Any], images: str | int | None, shown: int) -> Manifest:
    """The manifest with another length: so many images in all, or "+100k" on top; `shown` were shown already."""
    if images is None:
        return manifest
    text = str(images)
    total = parse_count(text.removeprefix("+")) + (manifest.images if text.startswith("+") else 0)
    more = suggest_more(manifest, recipe, shown)
    require(total > shown, f"--images {text} makes {total:,}, but this run has shown {shown:,} images already; name "
                           f"more{more and f', or how many on top: --images {more}'}")  # fmt: skip
    if total == manifest.images:
        return manifest
    require(can_extend(manifest, recipe, shown, total - manifest.images),
            "the stages of this recipe are shares of its length, so that this length would be another run from the "
            f"beginning{more and f'; --images {more} goes on in the stage that it has come to'}")  # fmt: skip
    return dataclasses.replace(manifest, images=total, extended=[*manifest.extended, (shown, manifest.images)])


def can_extend(manifest: Manifest, recipe: Recipe[Any], shown: int, more: int) -> bool:
    """Do the images that a run has shown lie in the same stage if it has so many more of them?"""
    lengths = (manifest.images, manifest.images + more)
    then, now = (plan_stages(recipe, manifest.shape, length) for length in lengths)
    return stage_index(then, shown) == stage_index(now, shown)


def suggest_more(manifest: Manifest, recipe: Recipe[Any], shown: int, wish: int = 100_000) -> str:
    """How many more images a run may have, as it is typed: those wished for, or fewer; '' where it may have none."""
    fewer = takewhile(bool, (min(wish, manifest.images) >> halved for halved in count()))
    longer = (more for more in (wish, *fewer) if manifest.images + more > shown)
    fits = (more for more in longer if can_extend(manifest, recipe, shown, more))
    return next((f"+{more // 1000}k" if more % 1000 == 0 else f"+{more}" for more in fits), "")


def suggest_longer(run: str | Path) -> str:
    """The same of a run that lies there, '' where nothing can be told."""
    with suppress(Mistake):
        folder = RunFolder.find(run)
        manifest = Manifest.read(folder)
        last = latest_checkpoint(folder.checkpoints)
        shown = read_checkpoint_facts(last)["clock"]["images"] if last else 0
        return suggest_more(manifest, recipe_from_manifest(folder, manifest), shown)
    return ""


def describe_ends(manifest: Manifest, before: Manifest, recipe: Recipe[Any], shown: int) -> str:
    """What becomes of schedules that had come to their end, as a learning rate that has fallen to 0."""
    if shown < before.images or len(plan_stages(recipe, manifest.shape, manifest.images)) > 1:
        return ""
    then, now = (Clock(images=shown, share=min(1.0, shown / length)) for length in (before.images, manifest.images))
    back = [f"{name} is {number(now):.3g} again, after {number(then):.3g}" for name, number in schedules_of(recipe)
            if f"{number(now):.3g}" != f"{number(then):.3g}"]  # fmt: skip
    return f": {', '.join(back)}, and comes to its end anew" if back else ""


def schedules_of(value: object, name: str = "") -> Iterator[tuple[str, Schedule]]:
    """The schedules in a value's fields, at any depth, as options name them."""
    if callable(value) and value_range(value):
        yield name, value
        return
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from schedules_of(getattr(value, field.name), f"{name}.{field.name}" if name else field.name)


def describe_length(folder: RunFolder, manifest: Manifest, before: Manifest, recipe: Recipe[Any], shown: int) -> str:
    """What there is to say of a run's length as it is gone on with; nothing of one that just goes on."""
    if manifest.images != before.images:
        return (f"{folder} goes on to {manifest.images:,} images instead of {before.images:,}; schedules are shares of "
                f"that, and {shown / manifest.images:.0%} is behind it"
                f"{describe_ends(manifest, before, recipe, shown)}")  # fmt: skip
    if shown >= manifest.images:
        more = suggest_more(manifest, recipe, shown, shown)
        longer = more and f"; `saddle resume {quote_for_shell(folder)} --images {more}` goes on"
        as_many = " for as many" if parse_count(more[1:] or "0") == shown else ""
        return f"{folder} is finished: it has shown all of its {shown:,} images{longer}{as_many}"
    return ""
