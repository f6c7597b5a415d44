"""Checkpoints: one safetensors file each, the facts as JSON in its header; whole or not there."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..core import Mistake
from ..runs.folder import write
from ..runs.tensors import raw, write_tensors
from .match import Facts

FORMAT = "saddle checkpoint 1"
KEPT = 2  # the last one, and the one before it


class Checkpoint(NamedTuple):
    """What was read back: tensors on the processor, and facts."""

    tensors: dict[str, Tensor]
    facts: Facts


def save(folder: Path, tensors: Mapping[str, Tensor], facts: Facts) -> Path:
    """Write a checkpoint named by its images; older ones beyond the last two go. Unwritten if the disk refuses."""
    path = folder / f"{facts['clock']['images']:012d}.safetensors"
    put(path, tensors, facts)
    for old in saved(folder)[:-KEPT]:
        old.unlink()
    return path


def put(path: Path, tensors: Mapping[str, Tensor], facts: Facts) -> None:
    """Write one checkpoint, whole or not at all; equal content makes equal bytes, and is never copied as a whole."""
    text = json.dumps(facts)
    header = {"format": FORMAT, "facts": text, "crc": str(crc(tensors, text))}
    write(path, lambda draft: write_tensors(draft, tensors, header))


def saved(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the last one last."""
    return sorted(folder.glob("[0-9]*.safetensors"))


def latest(folder: Path) -> Path | None:
    return paths[-1] if (paths := saved(folder)) else None


def best_path(folder: Path) -> Path:
    """Where the checkpoint lies whose figures were the best; it is not one of the last two."""
    return folder / "best.safetensors"


def facts_of(path: Path) -> Facts:
    """A checkpoint's facts alone, without its tensors; Mistake for a damaged or a foreign file."""
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
        facts: Facts = json.loads(header["facts"])
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise Mistake(f"{path} is damaged, or no checkpoint: {error}") from None
    return facts


def read(path: Path) -> Checkpoint:
    """A checkpoint, whole; Mistake for a damaged or a foreign file."""
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is no mapping
    except FileNotFoundError:
        raise Mistake(f"there is no checkpoint {path}") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise Mistake(f"{path} is damaged, or no checkpoint: {error}") from None
    if header.get("format") != FORMAT:
        raise Mistake(f"{path} is a safetensors file, but no checkpoint of saddle's")
    if header.get("crc") != str(crc(tensors, header.get("facts", ""))):
        raise Mistake(f"{path} is damaged: its content does not match its checksum")
    return Checkpoint(tensors, json.loads(header["facts"]))


def crc(tensors: Mapping[str, Tensor], facts: str) -> int:
    """A checksum of the facts and of all values, in the order of their names."""
    total = zlib.crc32(facts.encode())
    for key in sorted(tensors):
        described = f"{key} {tensors[key].dtype} {tuple(tensors[key].shape)}"
        total = zlib.crc32(raw(tensors[key]), zlib.crc32(described.encode(), total))
    return total


def read_latest(folder: Path) -> Checkpoint | None:
    """The last checkpoint; if it is damaged the one before it is not taken silently: the sentence names it."""
    paths = saved(folder)
    if not paths:
        return None
    try:
        return read(paths[-1])
    except Mistake as mistake:
        if len(paths) > 1:
            raise Mistake(f"{mistake}; delete it to go on from {paths[-2].name}") from None
        raise
