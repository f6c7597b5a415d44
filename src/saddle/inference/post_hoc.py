"""Averages of a length that is chosen after training, put together of what a run kept of its way ("post-hoc EMA")."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..errors import Mistake, quote_for_shell, require
from ..notices import Notify, notify_nobody
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from ..training.checkpoint import latest_checkpoint, read_checkpoint
from ..training.ema import averaged_tensors, load_averaged_weights
from ..training.match import strip_prefix
from ..training.power_ema import KEPT_STDS, Profile, combine_profiles
from ..training.snapshots import AverageSnapshot, list_snapshots, read_snapshot
from .load import load
from .loaded import LoadedGame
from .named_weights import MOMENT, write_named_weights
from .settled import settle_statistics

POOR = 0.1  # of a profile's error, from which on it is said: another average than the one that was asked for


class Reconstruction(NamedTuple):
    """An average that was put together: its width, how near it comes to that, and its weights by name."""

    std: float
    error: float  # the relative distance of its profile from the true one
    clock: dict[str, Any]  # of which moment of the run it is
    weights: dict[str, Tensor]  # on the processor; buffers are those of that moment

    @property
    def note(self) -> str:
        """What to know of one that is not what was asked for."""
        if self.error < POOR:
            return ""
        usual = 0.05 <= self.std <= 0.15
        better = "choose a later moment" if usual else "a width between 0.05 and 0.15 needs the fewest"
        return (f"too few snapshots for a relative width of {self.std:g}: what comes out is an average whose profile "
                f"is {self.error:.0%} from that; {better}")  # fmt: skip


def average(run: str | Path, std: float, *, images: int | None = None, device: str = "auto", trust: bool = False,
            say: Notify = notify_nobody) -> str:  # fmt: skip
    """Make the weights of a run averaged with this relative width, and return their name, for `load(run, weights=...)`.

    `images`: as they would have been at so many images, not at the end. Mistake for a run that kept no snapshots.
    """
    folder = RunFolder.find(run)
    folder.check_no_bundle()
    Manifest.read(folder)
    (made,) = reconstruct(folder, [std], images)
    if made.note:
        say(f"warning: {made.note}")
    loaded = load(run, device=device, trust=trust)
    return store_average(folder, wear_average(loaded, made, say), made, images)


def reconstruct(folder: RunFolder, stds: Sequence[float], images: int | None = None) -> list[Reconstruction]:
    """Averages of these relative widths, as they would be after so many images, or at the end; each file read once."""
    stored, over = stored_until(folder, images)
    profiles = [profile for snapshot in stored for profile in snapshot.profiles]
    found = [combine_profiles(profiles, Profile(over, std)) for std in stds]
    shares = np.array([one.weights for one in found]).reshape(len(stds), len(stored), len(KEPT_STDS))
    sums: list[dict[str, Tensor]] = [{} for _ in stds]
    buffers: dict[str, Tensor] = {}
    for i, snapshot in enumerate(stored):
        tensors = read_checkpoint(snapshot.path).tensors
        for k, std in enumerate(KEPT_STDS):
            for key, t in strip_prefix(tensors, f"power.{std}.").items():
                for total, share in zip(sums, shares[:, i, k], strict=True):
                    total[key] = torch.add(total.get(key, torch.zeros_like(t)), t, alpha=float(share))
        buffers = strip_prefix(tensors, "buffer.") or strip_prefix(tensors, "game.")
    then = stored[-1].clock | ({} if images is None else {"images": images})
    return [
        Reconstruction(std, one.error, then, buffers | total) for std, one, total in zip(stds, found, sums, strict=True)
    ]


def stored_until(folder: RunFolder, images: int | None) -> tuple[list[AverageSnapshot], int]:
    """What a run kept up to the first moment from so many images on, and over how many an average at that image is."""
    stored = list_snapshots(folder.checkpoints)
    last = latest_checkpoint(folder.checkpoints)
    if last is not None and stored and stored[-1].clock["images"] < int(last.stem):
        stored.append(read_snapshot(last))
    if not stored:
        raise Mistake(f"{folder} kept no snapshots of averages, so that their length cannot be chosen any more; "
                      "`saddle train ... --snapshots 32` keeps them")  # fmt: skip
    end = stored[-1].clock["images"]
    at = end if images is None else images
    first = stored[0].clock["images"] - stored[0].images
    require(first < at <= end, f"images is {at:,}, but {folder} kept averages from {first:,} to {end:,} images; "
                               "choose a moment between")  # fmt: skip
    upto = next(i for i, snapshot in enumerate(stored) if snapshot.clock["images"] >= at)
    over = stored[upto].images - (stored[upto].clock["images"] - at)
    require(over > 0, f"at {at:,} images {folder} had just gone back; choose a later moment")
    return stored[: upto + 1], over


def wear_average(loaded: LoadedGame, made: Reconstruction, say: Notify) -> dict[str, Tensor]:
    """Give a loaded game these weights for good, with statistics that suit them, and return all that was averaged."""
    load_averaged_weights(loaded.game, made.weights)
    settle_statistics(loaded, say)
    return {key: t.detach().clone() for key, t in averaged_tensors(loaded.game).items()}


def store_average(folder: RunFolder, weights: dict[str, Tensor], made: Reconstruction, images: int | None) -> str:
    """Write them beside the checkpoints; returns their name: std-0.1, or std-0.1-at-1200."""
    name = f"std-{made.std:g}" + ("" if images is None else f"{MOMENT}{images}")
    identity = Manifest.read(folder).identity
    facts = {"clock": made.clock, "identity": identity, "average": {"std": made.std, "error": made.error}}
    with folder.to_write() as own:
        write_named_weights(own, name, weights, facts)
    return name


def suggest_average(run: str | Path, name: str) -> str:
    """The commands that use it."""
    there = quote_for_shell(run)
    return f"saddle sample {there} --weights {name}, and so measure and report"
