"""Averaged weights of a run that were made after its training, each set in a file beside the run's checkpoints."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import quote_for_shell, require
from ..runs.folder import RunFolder
from ..training.checkpoint import Checkpoint, read_checkpoint, read_checkpoint_facts, write_checkpoint

PREFIX = "weights-"
MOMENT = "-at-"  # behind it, of how many images an average is that is not of the run's end
SOUND_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def weights_path(folder: RunFolder, name: str) -> Path:
    """Where a set lies; Mistake for a name that none has."""
    require(SOUND_NAME.fullmatch(name) is not None, f"weights {name!r} are none of a run's; {suggest(folder)}")
    return folder.checkpoints / f"{PREFIX}{name}.safetensors"


def list_weights(folder: RunFolder) -> list[str]:
    """The names of the sets of a run."""
    return sorted(path.stem.removeprefix(PREFIX) for path in folder.checkpoints.glob(f"{PREFIX}*.safetensors"))


def write_named_weights(folder: RunFolder, name: str, averages: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Path:
    """Write a set, in place of one of that name: averages by their names in the game, and a checkpoint's facts."""
    path = weights_path(folder, name)
    write_checkpoint(path, {f"average.{key}": t for key, t in averages.items()}, dict(facts))
    return path


def read_named_weights(folder: RunFolder, name: str) -> tuple[Checkpoint, Path]:
    """A set, and its file; Mistake where there is none, naming those that there are."""
    path = check_weights(folder, name)
    return read_checkpoint(path), path


def check_weights(folder: RunFolder, name: str) -> Path:
    """The file of a set; Mistake where there is none, naming those that there are."""
    path = weights_path(folder, name)
    require(path.exists(), f"{folder} has no weights {name}; {suggest(folder)}")
    return path


def date_weights(folder: RunFolder) -> dict[str, str]:
    """Call sets that were averaged at the end of a run which now goes on by the moment that they are of.

    So std-0.1 becomes std-0.1-at-1200, and none is taken for the average of what is trained from here on. Returns the
    new names by the old ones.
    """
    named: dict[str, str] = {}
    for name in list_weights(folder):
        if MOMENT not in name:
            path = weights_path(folder, name)
            named[name] = f"{name}{MOMENT}{read_checkpoint_facts(path)['clock']['images']}"
            path.replace(weights_path(folder, named[name]))
    return named


def suggest(folder: RunFolder) -> str:
    """Which sets there are, or how one is made."""
    there = list_weights(folder)
    make = f"`saddle average {quote_for_shell(folder)} --std 0.1` makes weights std-0.1"
    return f"there are {', '.join(there)}" if there else make
