"""Runs at a glance: what each is, how far it came, what it takes of the disk; nothing here needs torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from ..errors import Mistake
from ..metrics.figures import Figure
from ..regular import is_regular_file
from .folder import LOCK_NAME, RunFolder
from .locks import is_locked
from .manifest import Manifest
from .measures import read_measurements
from .writing import DRAFT_PREFIX, list_numbered_files

State = Literal["training", "finished", "ended early", "stopped", "not begun"]


@dataclass(frozen=True)
class RunSummary:
    """One run of a folder."""

    path: Path
    recipe: str
    data: str
    images: int  # shown, as its last checkpoint says
    length: int  # to be shown in all
    state: State
    best: Figure | None  # the best of what was measured first in it
    created: str  # ISO 8601

    @cached_property
    def bytes(self) -> int:
        """What its files take of the disk; they are looked at only where this is asked."""
        return sum(file.stat().st_size for file in own_files(self.path))


def summarize_runs(root: Path) -> tuple[list[RunSummary], list[str]]:
    """The runs that lie in a folder, or are it, by name, and a sentence on each that cannot be read."""
    places = [root] if (root / "manifest.json").is_file() else sorted(p.parent for p in root.glob("*/manifest.json"))
    runs, unread = [], []
    for place in places:
        try:
            runs.append(summarize_run(RunFolder.find(place)))
        except Mistake as mistake:
            unread.append(str(mistake))
    return runs, unread


def summarize_run(folder: RunFolder) -> RunSummary:
    manifest = Manifest.read(folder)
    images = max((int(path.stem) for path in checkpoints_in_order(folder)), default=0)
    measured = read_measurements(folder, lambda sentence: None)
    ended = any(measurement.stop for measurement in measured)
    return RunSummary(
        folder.path, manifest.name, str(manifest.data["name"]), images, manifest.images,
        describe_state(folder, images, manifest.images, ended),
        best_figure([figure for measurement in measured for figure in measurement.figures]),
        manifest.created,
    )  # fmt: skip


def describe_state(folder: RunFolder, images: int, length: int, ended: bool) -> State:
    if is_being_trained(folder):
        return "training"
    if images >= length:
        return "finished"
    return "ended early" if ended else "stopped" if images else "not begun"


def is_being_trained(folder: RunFolder) -> bool:
    """Does a process hold the run's lock?"""
    return is_locked(folder.path / LOCK_NAME, folder.path)


def best_figure(figures: list[Figure]) -> Figure | None:
    """The best value of the metric that was measured first, under its latest protocol."""
    if not figures:
        return None
    kind = [figure for figure in figures if figure.metric == figures[0].metric]
    kind = [figure for figure in kind if figure.protocol == kind[-1].protocol]
    if kind[0].better == "neither":
        return kind[-1]
    return (max if kind[0].better == "higher" else min)(kind, key=lambda figure: figure.value)


def checkpoints_in_order(folder: RunFolder) -> list[Path]:
    return list_numbered_files(folder.checkpoints, ".safetensors", folder.path)


def own_files(place: Path) -> Iterator[Path]:
    """The regular files in a folder and below; links are not followed."""
    for base, _, names in os.walk(place):
        yield from (file for name in names if is_regular_file(file := Path(base) / name) and not file.is_symlink())


def prunable_files(folder: RunFolder) -> list[Path]:
    """What a run that is not being trained can do without: checkpoints before its last one, drafts that killed
    processes left, and, once it is finished, the states that a rollback would have gone back to."""
    if is_being_trained(folder):
        return []
    checkpoints = checkpoints_in_order(folder)
    drafts = [file for file in own_files(folder.path) if file.name.startswith(DRAFT_PREFIX)]
    over = bool(checkpoints) and int(checkpoints[-1].stem) >= Manifest.read(folder).images
    states = list_numbered_files(folder.checkpoints, ".safetensors", folder.path, "healthy-") if over else []
    return [*checkpoints[:-1], *drafts, *states]
