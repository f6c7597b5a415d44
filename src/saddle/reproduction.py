"""Train a run again from its manifest, and see whether it ends in the same bits."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from .continued import check_same_data, relocate_data
from .data.in_memory import GivenData, use_given
from .errors import Failure, Mistake, quote_for_shell, require
from .recipes.copies import store_source
from .recipes.plugins import read_plugin, run_plugin, store_plugin, use_plugin_source
from .recipes.revive import trust_run, trusted_source
from .resolved import open_training_data
from .runs.folder import RunFolder
from .runs.log import read_log
from .runs.manifest import Manifest
from .sessions import resume
from .training.callbacks.base import Callback
from .training.checkpoint import Checkpoint, read_latest_checkpoint
from .training.machine import find_machine
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

    The manifest of the new run says what trains it now. `data`: where its data lie now, if they were moved, or these
    data, if they were given in Python. Mistake for a run that is not finished, or whose data changed, or whose recipe
    is of a file that nobody has named on this machine, unless it is to be trusted.
    """
    if trust:
        trust_run(path)
    first = RunFolder.find(path)
    manifest = Manifest.read(first)
    with use_given(data) as place, use_plugin_source(run_plugin(first, manifest)):
        return train_again(first, manifest, out, watch, place)


def train_again(first: RunFolder, manifest: Manifest, out: str | Path | None, watch: Callback | None,
                data: str | None) -> Reproduction:  # fmt: skip
    """The same, with the data and the plugin of the run at hand."""
    end = finished(first, manifest)
    source = trusted_source(first, manifest)
    if manifest.source_since:
        raise Mistake(f"{first} went on with another source of its recipe at {manifest.source_since} images, so no "
                      "training from its beginning comes to the same")  # fmt: skip
    manifest = relocate_data(first, manifest, data, "reproduce")
    now = find_machine(str(manifest.machine["device"]), manifest.machine["precision"])
    for shown, length in manifest.extended:
        early = f"{first} was given another length at {shown:,} of {length:,} images, which is not done again"
        require(shown >= length, f"{early}; only runs that were finished before can be")
    place = RunFolder.claim(out or first.path.with_name(f"{first.path.resolve().name}-again"))
    check_same_data(open_training_data(manifest.settings, Callback()), manifest, data)
    second = RunFolder.create(place, "")
    facts = make_machine_facts(now) | {
        "threads": manifest.machine["threads"]
    }  # as many, which resuming takes from here
    created = datetime.now().astimezone().isoformat(timespec="seconds")
    if manifest.source:
        store_source(source, second)
    store_plugin(read_plugin(first, manifest), second)
    for i, (_, length) in enumerate([*manifest.extended, (0, manifest.images)]):
        dataclasses.replace(manifest, machine=facts, created=created, images=length,
                            extended=manifest.extended[:i]).write(second)  # fmt: skip
        resume(second.path, watch=watch, code="copy")
    again = read_latest_checkpoint(second.checkpoints)
    assert again is not None
    faults = [*(f for f in (log_fault(first, second), weight_fault(end, again)) if f)]
    if faults:
        raise Failure(f"{second} is not the same as {first}: {'; '.join(faults)}; {reasons(manifest, facts)}")
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


def reasons(manifest: Manifest, now: dict[str, object]) -> str:
    """What is not as it was when the run was trained."""
    other = [
        f"{name} {manifest.machine[name]}, now {now[name]}"
        for name in COMPARED_FACTS
        if manifest.machine[name] != now[name]
    ]
    if other:
        return f"it had {'; '.join(other)}"
    return "device, precision, threads and versions are as they were; the code, the processor or the GPU may be another"
