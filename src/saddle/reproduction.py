"""Train a run again from its manifest, and see whether it ends in the same bits."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .assembly import make_callbacks
from .continued import FREE, check_same_data, relocate_data
from .data.in_memory import IN_MEMORY, GivenData, use_given
from .errors import Failure, Interrupted, Mistake, quote_for_shell, require
from .recipes.copies import store_source
from .recipes.plugins import read_plugin, run_plugin, store_plugin, use_plugin_source
from .recipes.revive import recipe_from_manifest, trust_run, trusted_source
from .recipes.sources import RecipeSource
from .recipes.transfer import read_start, write_start
from .resolved import open_training_data
from .runs.folder import RunFolder
from .runs.log import read_log
from .runs.manifest import Manifest
from .sessions import resume
from .training.callbacks.base import Callback
from .training.checkpoint import Checkpoint, latest_checkpoint, read_checkpoint_facts, read_latest_checkpoint
from .training.machine import machine_of_run
from .training.manifest_facts import make_machine_facts
from .training.match import CheckpointFacts

COMPARED_FACTS = ("device", "precision", "threads", "processes", "saddle", "torch", "python", "platform")


class Reproduction(NamedTuple):
    """A run that was trained a second time, and ended in the same bits."""

    first: RunFolder
    second: RunFolder
    tensors: int
    lines: int

    def describe(self) -> str:
        return (f"{self.second} is {self.first} again, bit for bit: {self.tensors} tensors of the last checkpoint and "
                f"{self.lines} lines of the log")  # fmt: skip


def reproduce(path: str | Path, out: str | Path | None = None, watch: Callback | None = None,
              trust: bool = False, data: str | Path | GivenData | None = None) -> Reproduction:  # fmt: skip
    """Train a finished run again, in a new folder, on as many threads; Failure names what came out otherwise.

    One that was begun there before is gone on with, and compared. The manifest of the new run says what trains it now.
    `data`: where its data lie now, if they were moved, or these data, if they were given in Python. Mistake for a run
    that is not finished, or whose data changed, or whose recipe is of a file that nobody has named on this machine,
    unless it is to be trusted.
    """
    if trust:
        trust_run(path)
    first = RunFolder.find(path)
    first.check_no_bundle()
    manifest = Manifest.read(first)
    with use_given(data) as place, use_plugin_source(run_plugin(first, manifest)):
        return train_again(first, manifest, out, watch, place)


def train_again(first: RunFolder, manifest: Manifest, out: str | Path | None, watch: Callback | None,
                data: str | None) -> Reproduction:  # fmt: skip
    """The same, with the data and the plugin of the run at hand; one that was begun before is gone on with."""
    end = finished(first, manifest)
    source = trusted_source(first, manifest)
    if manifest.source_since:
        raise Mistake(f"{first} went on with another source of its recipe at {manifest.source_since} images, so no "
                      "training from its beginning comes to the same")  # fmt: skip
    manifest = relocate_data(first, manifest, data, "reproduce")
    for shown, length in manifest.extended:
        early = f"{first} was given another length at {shown:,} of {length:,} images, which is not done again"
        require(shown >= length, f"{early}; only runs that were finished before can be")
    second = RunFolder(out or first.path.with_name(f"{first.path.resolve().name}-again"))
    begun = begun_again(second, manifest)
    if begun is None:
        RunFolder.claim(second.path)
        check_same_data(open_training_data(manifest.settings, manifest.columns, Callback()), manifest, data)
        begun = begin_again(first, second, manifest, source)
    elif begun.images == manifest.images and is_finished(second, begun):
        say = (watch or make_callbacks(manifest.settings)).on_message
        say(f"{second} was trained before, and is compared as it is; another --out trains anew")
    try:
        play_lengths(second, begun, manifest, watch, data)
    except Interrupted as stop:
        more = {"out": out, "data": None if data == IN_MEMORY else data}
        options = "".join(f" --{name} {quote_for_shell(text)}" for name, text in more.items() if text is not None)
        resuming, again = (f"{word} {quote_for_shell(run)}" for word, run in (("resume", second), ("reproduce", first)))
        raise Interrupted(stop.code, str(stop).replace(f" {resuming}`", f" {again}{options}`")) from None
    return compare_runs(first, second, end)


def begun_again(second: RunFolder, manifest: Manifest) -> Manifest | None:
    """What trains this run again there already; None where nothing does. A copy of the run itself does not."""
    if not second.manifest.is_file():
        return None
    there = Manifest.read(RunFolder.find(second.path))
    lengths = next((one for one in lengths_of(manifest) if len(one.extended) == len(there.extended)), manifest)
    same = what_trains(there) == what_trains(lengths)
    return there if same and there.created != manifest.created else None


def what_trains(manifest: Manifest) -> dict[str, Any]:
    """All that has a say in the bits that a run comes to; not where its data lie, nor what trains it as well."""
    settings = dataclasses.asdict(manifest.settings)
    chosen = {name: value for name, value in settings.items() if name not in (*FREE, "data", "labels")}
    return (
        manifest.identity
        | chosen
        | {name: getattr(manifest, name) for name in ("source", "source_since", "plugin", "extended")}
        | {"threads": manifest.machine["threads"]}
    )


def lengths_of(manifest: Manifest) -> list[Manifest]:
    """The manifests that a run had one after another, each with the next length that it was given."""
    lengths = [*(length for _, length in manifest.extended), manifest.images]
    return [dataclasses.replace(manifest, images=length, extended=manifest.extended[:i])
            for i, length in enumerate(lengths)]  # fmt: skip


def begin_again(first: RunFolder, second: RunFolder, manifest: Manifest, source: RecipeSource | None) -> Manifest:
    """A folder with all that trains this run again, on as many threads; its manifest says what trains it now."""
    now = machine_of_run(str(manifest.machine["device"]), manifest.machine, manifest.settings.exact)
    machine = make_machine_facts(now) | {"threads": manifest.machine["threads"]}
    created = datetime.now().astimezone().isoformat(timespec="microseconds")
    begun = dataclasses.replace(lengths_of(manifest)[0], machine=machine, created=created)
    RunFolder.create(second.path, "")
    with second.lock():
        second.check_not_taken()
        if manifest.source:
            store_source(source, second)
        store_plugin(read_plugin(first, manifest), second)
        if start := read_start(first, manifest, recipe_from_manifest(first, manifest, source)):
            write_start(second, start)
        begun.write(second)
    return begun


def play_lengths(second: RunFolder, begun: Manifest, manifest: Manifest, watch: Callback | None,
                 data: str | None) -> None:  # fmt: skip
    """Train from where the second run stands to its end, over every length that the first one had."""
    for one in lengths_of(manifest)[len(begun.extended) :]:
        if one.images != begun.images:
            begun = dataclasses.replace(begun, images=one.images, extended=one.extended)
            begun.write(second)
        if not is_finished(second, begun):
            resume(second.path, watch=watch, code="copy", data=data)


def is_finished(folder: RunFolder, manifest: Manifest) -> bool:
    """Has a run come to the length that this manifest gives it?"""
    last = latest_checkpoint(folder.checkpoints)
    return last is not None and has_ended(manifest, read_checkpoint_facts(last))


def compare_runs(first: RunFolder, second: RunFolder, end: Checkpoint) -> Reproduction:
    """Failure, with the reasons that there may be, unless the second run ended as this checkpoint of the first."""
    again = read_latest_checkpoint(second.checkpoints)
    assert again is not None
    faults = [*(f for f in (log_fault(first, second), weight_fault(end, again)) if f)]
    if faults:
        why = reasons(Manifest.read(first), Manifest.read(second).machine)
        raise Failure(f"{second} is not the same as {first}: {'; '.join(faults)}; {why}")
    return Reproduction(first, second, len(end.tensors), len(read_log(first.log)))


def finished(folder: RunFolder, manifest: Manifest) -> Checkpoint:
    """The checkpoint that ended the run."""
    end = read_latest_checkpoint(folder.checkpoints)
    if end is None or not has_ended(manifest, end.facts):
        shown = end.facts["clock"]["images"] if end else 0
        raise Mistake(f"{folder} stopped at {shown} of {manifest.images} images, so there is no end to compare with; "
                      f"`saddle resume {quote_for_shell(folder)}` finishes it")  # fmt: skip
    return end


def has_ended(manifest: Manifest, facts: CheckpointFacts) -> bool:
    """Did a run end where this checkpoint was taken: at its length, or because nothing got better any more?"""
    patience = manifest.settings.patience
    waited = facts["measured"]["since"] if patience is not None else 0
    return facts["clock"]["images"] >= manifest.images or (patience is not None and waited >= patience)


def log_fault(first: RunFolder, second: RunFolder) -> str:
    """The first round in which the logs part, and in what; '' where the second says all that the first one does."""
    one, two = read_log(first.log), read_log(second.log)
    for a, b in zip(one, two, strict=False):
        key = next((key for key in a if a.get(key) != b.get(key)), None)
        if key:
            return f"from round {a['round']} on the log differs ({key} was {a.get(key)}, now {b.get(key)})"
    return "" if len(one) == len(two) else f"the log had {len(one)} lines, now {len(two)}"


def weight_fault(one: Checkpoint, two: Checkpoint) -> str:
    """How many tensors of the last checkpoint differ, and by how much at most; '' where none does."""
    missing = one.tensors.keys() ^ two.tensors.keys()
    if missing:
        return f"the checkpoints hold other tensors, such as {min(missing)}"
    apart = {
        key: distance(t, two.tensors[key])
        for key, t in one.tensors.items()
        if not is_bitwise_equal(t, two.tensors[key])
    }
    if not apart:
        return ""
    far = max(apart, key=lambda key: apart[key])
    return f"{len(apart)} of {len(one.tensors)} tensors differ, {far} by up to {apart[far]:.3g}"


def is_bitwise_equal(a: Tensor, b: Tensor) -> bool:
    """Are they equal to the last bit?"""
    if (a.dtype, a.shape) != (b.dtype, b.shape):
        return False
    return torch.equal(*(t.contiguous().reshape(-1).view(torch.uint8) for t in (a, b)))


def distance(a: Tensor, b: Tensor) -> float:
    return float((a.double() - b.double()).abs().max()) if a.shape == b.shape else float("inf")


def reasons(manifest: Manifest, now: dict[str, Any]) -> str:
    """What is not as it was when the run was trained."""
    other = [
        f"{name} {manifest.machine[name]}, now {now[name]}"
        for name in COMPARED_FACTS
        if manifest.machine[name] != now[name]
    ]
    if other:
        return f"it had {'; '.join(other)}"
    return "device, precision, threads and versions are as they were; the code, the processor or the GPU may be another"
