"""Averages kept at many moments of a run, of which one of any length is put together afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..clock import Clock
from ..errors import Mistake, require
from ..out_of_memory import format_bytes
from ..parts.pieces import count_whole
from ..recipe import Stage
from ..runs.log import is_count
from ..runs.writing import existing_parent, list_numbered_files
from ..shape import Shape
from ..stages import full_size_from
from .checkpoint import NAME_DIGITS, read_checkpoint_facts, write_checkpoint
from .machine import process_rank
from .match import CLOCK_FACTS, Match
from .power_ema import KEPT_STDS, Profile

PREFIX = "snapshot-"


class AverageSnapshot(NamedTuple):
    """A file that holds averages, as of one moment of a run."""

    path: Path
    clock: dict[str, Any]  # when it was: round, images, share
    images: int  # that its averages are over

    @property
    def profiles(self) -> list[Profile]:
        return [Profile(self.images, std) for std in KEPT_STDS]


class SnapshotStore:
    """Snapshots of a match, evenly spread over what it plays at the data's own size: files beside its checkpoints.

    When one is kept hangs on the images shown alone. They stay when checkpoints go; only what was undone goes, as
    where a run is resumed from before it. The first process writes.
    """

    def __init__(self, match: Match[Any], folder: Path) -> None:
        self.match, self.folder = match, folder
        self.first = full_size_from(match.stages, match.shape, match.total)

    def due(self, before: Clock) -> bool:
        """Has the round that began at `before` come past another moment?"""
        return self.moments(self.match.clock) > self.moments(before)

    def moments(self, clock: Clock) -> int:
        """How many moments have come so far."""
        if self.first is None:
            return 0
        return max(0, clock.images - self.first) * self.match.options.snapshots // (self.match.total - self.first)

    def save(self, facts: Mapping[str, Any]) -> None:
        """Keep the averages as they stand, with the buffers that their networks have now."""
        power = self.match.power_ema
        assert power is not None, "a match without averages keeps no snapshots"
        tensors = self.match.collect({f"power.{key}": t for key, t in power.state().items()})
        if process_rank() == 0:
            clock = {name: getattr(self.match.clock, name) for name in CLOCK_FACTS}
            tensors |= {f"buffer.{key}": t for key, t in power.buffers.items()}
            path = self.folder / f"{PREFIX}{self.match.clock.images:0{NAME_DIGITS}d}.safetensors"
            write_checkpoint(path, tensors, {"clock": clock, "power": power.images, **facts})

    def restore(self) -> None:
        """Those later than where the match stands are worth nothing: it comes there again."""
        for path in snapshot_paths(self.folder):
            if int(path.stem.removeprefix(PREFIX)) > self.match.clock.images:
                path.unlink()

    def drop_undone(self) -> None:
        """Once the match has gone back, averages over more images than its own are of weights that it no more has."""
        assert self.match.power_ema is not None, "a match without averages keeps no snapshots"
        for snapshot in list_snapshots(self.folder):
            if snapshot.images > self.match.power_ema.images:
                snapshot.path.unlink()

    def describe(self) -> str:
        """What they will take of the disk, and a warning where it has not so much."""
        power, count = self.match.power_ema, self.match.options.snapshots
        assert power is not None, "a match without averages keeps no snapshots"
        own = ((p, p.element_size()) for p in power.live.values())
        each = len(KEPT_STDS) * sum(count_whole(p) * size for p, size in own)
        each += sum(t.numel() * t.element_size() for t in power.buffers.values())
        free = shutil.disk_usage(existing_parent(self.folder)).free
        taken = f"{count:,} snapshots of averages will take {format_bytes(count * each)} of the disk"
        if count * each < free:
            return taken
        return f"warning: {taken}, where {format_bytes(free)} are free; --snapshots 16 takes less, 0 none"


def check_full_size(stages: Sequence[Stage], data: Shape, images: int) -> None:
    """Raise Mistake for a run of stages that never plays at the data's own size, of which alone snapshots are kept."""
    there = full_size_from(stages, data, images) is not None
    require(there, f"snapshots are kept of a generator of {data}, and a run of {images:,} images does not come to it; "
                   "make it longer, or leave --snapshots out")  # fmt: skip


def snapshot_paths(folder: Path) -> list[Path]:
    """The snapshots in a folder, the last one last; links out of the run are none."""
    return list_numbered_files(folder, ".safetensors", folder.parent, PREFIX)


def list_snapshots(folder: Path) -> list[AverageSnapshot]:
    """What the snapshots in a folder are of; Mistake for a damaged one."""
    return [read_snapshot(path) for path in snapshot_paths(folder)]


def read_snapshot(path: Path) -> AverageSnapshot:
    """What a snapshot, or a checkpoint with such averages, is of; Mistake where it has none."""
    facts = read_checkpoint_facts(path)
    images = facts.get("power")
    if not isinstance(images, int) or not is_count(images):
        raise Mistake(f"{path} holds no averages whose length could be chosen")
    return AverageSnapshot(path, facts["clock"], images)
