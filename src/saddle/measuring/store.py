"""Features and moments of data, kept on disk: read through the extractor once, memory-mapped ever after."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ..data.place import home
from ..errors import Failure, Unwritten
from ..metrics.features import Extractor
from ..metrics.moments import Moments
from ..runs.folder import write
from ..runs.tensors import write_tensors
from .sides import Side

FORM = 1  # of what is kept and of the order of a side's samples; another number lets old files lie


class Place(NamedTuple):
    """Where a side's features and moments through one extractor are kept."""

    features: Path
    moments: Path


def place(side: Side, extractor: Extractor) -> Place | None:
    """None for samples, which have no fingerprint and are measured once."""
    if not side.data.fingerprint:
        return None
    facts = (FORM, side.data.fingerprint, side.n, extractor.name, extractor.sha256, extractor.resize)
    key = hashlib.blake2b(repr(facts).encode(), digest_size=12).hexdigest()
    folder = home() / "features"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unwritten(f"{folder} cannot be made ({error.strerror}); SADDLE_CACHE names another cache") from error
    return Place(folder / f"{extractor.name}-{key}.npy", folder / f"{extractor.name}-{key}.safetensors")


def kept_features(file: Path) -> Tensor:
    """(n, d) float32, mapped: a change would stay in memory. Failure for a damaged file."""
    try:
        return torch.from_numpy(np.load(file, mmap_mode="c", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise damaged(file, error) from error


def keep_features(file: Path, features: Tensor) -> None:
    write(file, lambda draft: np.save(draft, features.numpy(), allow_pickle=False))


def kept_moments(file: Path) -> Moments:
    try:
        with safe_open(file, "pt") as stored:
            moments = Moments(stored.get_tensor("mean").shape[0])
            moments.n, moments.mean = int(stored.get_tensor("n")), stored.get_tensor("mean")
            moments.scatter = stored.get_tensor("scatter")
    except (SafetensorError, OSError, ValueError) as error:
        raise damaged(file, error) from error
    return moments


def keep_moments(file: Path, moments: Moments) -> None:
    tensors = {"n": torch.tensor(moments.n), "mean": moments.mean, "scatter": moments.scatter}
    write(file, lambda draft: write_tensors(draft, tensors))


def damaged(file: Path, error: Exception) -> Failure:
    return Failure(f"the cache's {file} is damaged ({error}); delete it, and it is made again")
