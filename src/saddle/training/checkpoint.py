"""Checkpoints: one safetensors file each, the facts as JSON in its header; whole or not there."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..errors import Mistake, require
from ..regular import open_to_read
from ..runs.log import is_count, is_log_number
from ..runs.tensors import tensor_bytes, write_tensors
from ..runs.writing import list_numbered_files, write_atomically
from .match import CheckpointFacts, strip_prefix

CHECKPOINT_FORMAT = "saddle checkpoint 1"
NAME_DIGITS = 12  # of the images in the name of a checkpoint
KEPT_CHECKPOINTS = 2  # the last one, and the one before it
GONE = "nothing good comes of such weights: delete the file to go on from the checkpoint before it"


class Checkpoint(NamedTuple):
    """What was read back: tensors on the processor, and facts."""

    tensors: dict[str, Tensor]
    facts: CheckpointFacts


def save_checkpoint(folder: Path, tensors: Mapping[str, Tensor], facts: CheckpointFacts) -> Path:
    """Write a checkpoint named by its images; older ones beyond the last two go. Unwritten if the disk refuses."""
    path = folder / f"{facts['clock']['images']:0{NAME_DIGITS}d}.safetensors"
    write_checkpoint(path, tensors, facts)
    for old in list_checkpoints(folder)[:-KEPT_CHECKPOINTS]:
        old.unlink()
    return path


def write_checkpoint(path: Path, tensors: Mapping[str, Tensor], facts: CheckpointFacts) -> None:
    """Write one checkpoint, whole or not at all; equal content makes equal bytes, and is never copied as a whole."""
    text = json.dumps(facts)
    header = {"format": CHECKPOINT_FORMAT, "facts": text, "crc": str(checkpoint_crc(tensors, text))}
    write_atomically(path, lambda draft: write_tensors(draft, tensors, header))


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the last one last; links out of the run are none."""
    return list_numbered_files(folder, ".safetensors", folder.parent)


def latest_checkpoint(folder: Path) -> Path | None:
    return paths[-1] if (paths := list_checkpoints(folder)) else None


def best_checkpoint_path(folder: Path) -> Path:
    """Where the checkpoint lies whose figures were the best; it is not one of the last two."""
    return folder / "best.safetensors"


def read_checkpoint_facts(path: Path) -> CheckpointFacts:
    """A checkpoint's facts alone, without its tensors; Mistake for a damaged or a foreign file."""
    with open_checkpoint(path) as file:
        return parse_header(path, file.metadata() or {})


def read_checkpoint(path: Path) -> Checkpoint:
    """A checkpoint, whole; Mistake for a damaged or a foreign file."""
    with open_checkpoint(path) as file:
        header = file.metadata() or {}
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it is no mapping
    facts = parse_header(path, header)
    if header.get("crc") != str(checkpoint_crc(tensors, header["facts"])):
        raise Mistake(f"{path} is damaged: its content does not match its checksum")
    return Checkpoint(tensors, facts)


@contextmanager
def open_checkpoint(path: Path) -> Iterator[Any]:
    """The library's reader; Mistake for a link out of the run, for what is no regular file, or no safetensors file."""
    try:
        with (
            open_to_read(path, path.parent.parent) as there,
            safe_open(to_utf8_path(path, there.fileno()), "pt") as file,
        ):
            yield file
    except FileNotFoundError:
        raise Mistake(f"there is no checkpoint {path}") from None
    except Mistake:
        raise
    except (SafetensorError, OSError, ValueError, RuntimeError, OverflowError, MemoryError) as error:
        raise Mistake(f"{path} is damaged, or no checkpoint: {error}") from None


def to_utf8_path(path: Path, number: int) -> str:
    """A path as the library takes it, in UTF-8 alone; of any other, that of the file as it is open under a number."""
    try:
        return str(path).encode().decode()
    except UnicodeEncodeError:
        return f"/dev/fd/{number}"


def parse_header(path: Path, header: Mapping[str, str]) -> CheckpointFacts:
    """What the header tells, if it is one of saddle's."""
    if header.get("format") != CHECKPOINT_FORMAT:
        raise Mistake(f"{path} is a safetensors file, but no checkpoint of saddle's")
    try:
        facts: CheckpointFacts = json.loads(header["facts"])
        clock = facts["clock"]
        sound = (
            is_count(clock["round"])
            and is_count(clock["images"])
            and is_log_number(clock["share"], 0)
            and len(clock) == 3
        )
        require(sound and isinstance(facts.get("identity", {}), dict), "it does not say where the run stood")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Mistake(f"{path} is damaged: its facts are not those of a run ({error})") from None
    named = path.stem.rpartition("-")[2]  # 000000001200, healthy-000000001200; best has no number
    if len(named) == NAME_DIGITS and named.isdigit() and int(named) != clock["images"]:
        raise Mistake(f"{path} is another moment's checkpoint: it was taken at {clock['images']:,} images; delete it")
    return facts


def checkpoint_crc(tensors: Mapping[str, Tensor], facts: str) -> int:
    """A checksum of the facts and of all values, in the order of their names."""
    total = zlib.crc32(facts.encode())
    for key in sorted(tensors):
        described = f"{key} {tensors[key].dtype} {tuple(tensors[key].shape)}"
        total = zlib.crc32(tensor_bytes(tensors[key]), zlib.crc32(described.encode(), total))
    return total


def read_latest_checkpoint(folder: Path) -> Checkpoint | None:
    """The last checkpoint; if it is damaged the one before it is not taken silently: the sentence names it."""
    paths = list_checkpoints(folder)
    if not paths:
        return None
    try:
        return read_checkpoint(paths[-1])
    except Mistake as mistake:
        if len(paths) > 1:
            raise Mistake(f"{mistake}; delete it to go on from {paths[-2].name}") from None
        raise


def check_state_fits(tensors: Mapping[str, Tensor], own: Mapping[str, Tensor], where: object) -> None:
    """Raise Mistake where a checkpoint's tensors are not those of a game with this state, or hold no finite numbers.

    Averages of what is no state, which early runs saved too, are not looked at.
    """
    found = strip_prefix(tensors, "game.")
    for name in sorted(own.keys() ^ found.keys()):
        what = "no" if name in own else "one that no network of the run has,"
        raise Mistake(f"{where} does not fit its run: of all tensors it holds {what} {name}")
    for name, t in found.items():
        check_tensor_fits(name, t, own[name], where)
    for name, t in strip_prefix(tensors, "average.").items():
        if name in own:
            check_tensor_fits(name, t, own[name], f"the average in {where}")
    for name, t in strip_prefix(tensors, "power.").items():
        key = name.split(".", 2)[-1]  # behind the width, as in 0.05
        require(key in own, f"{where} does not fit its run: it holds an average of {key}, which no network of it has")
        check_tensor_fits(key, t, own[key], f"the average {name} in {where}")
    for name, t in strip_prefix(tensors, "optimizer.").items():
        require(t.is_floating_point() or not t.ndim, f"optimizer {name} in {where} is of {t.dtype}, which none has")
        require(not t.isnan().any(), f"optimizer {name} in {where} holds what is no number; {GONE}")


def check_tensor_fits(name: str, t: Tensor, own: Tensor, where: object) -> None:
    """Where the network's own numbers are infinite as they are made, as masks are, others may be."""
    if (t.dtype, t.shape) != (own.dtype, own.shape):
        raise Mistake(f"{name} in {where} is of {t.dtype} and {tuple(t.shape)}, "
                      f"but should be of {own.dtype} and {tuple(own.shape)}")  # fmt: skip
    if own.is_meta:  # which has no numbers to ask
        require(not t.isnan().any(), f"{name} in {where} holds what is no number; {GONE}")
    elif not t.isfinite().all() and own.isfinite().all():
        raise Mistake(f"{name} in {where} holds what is no finite number; {GONE}")
