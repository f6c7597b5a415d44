"""Features and moments of data, kept on disk: read through the extractor once, memory-mapped ever after."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import load
from torch import Tensor

from ..data.cache.location import cache_home
from ..data.cache.sealed import (
    DamagedFile,
    check_sealed,
    describe_rebuild,
    read_sealed,
    remove_stale_drafts,
    write_sealed,
)
from ..metrics.features import Extractor
from ..metrics.moments import Moments
from ..runs.tensors import write_tensors
from .inputs import SampleSet

FEATURES_FORMAT = 2  # of what is kept and of the order of a side's samples; another number lets old files lie


class CachePaths(NamedTuple):
    """Where a side's features and moments through one extractor are kept."""

    features: Path
    moments: Path


def find_cache_paths(side: SampleSet, extractor: Extractor) -> CachePaths | None:
    """None for samples, which have no fingerprint and are measured once."""
    if not side.data.fingerprint:
        return None
    facts = (FEATURES_FORMAT, side.data.fingerprint, side.n, extractor.name, extractor.dimension, extractor.sha256,
             extractor.resize)  # fmt: skip
    key = hashlib.blake2b(repr(facts).encode(), digest_size=12).hexdigest()
    folder = cache_home() / "features"
    remove_stale_drafts(folder)
    name = f"{re.sub('[^A-Za-z0-9.-]+', '-', extractor.name)[-60:]}-{key}"
    return CachePaths(folder / f"{name}.npy", folder / f"{name}.safetensors")


def load_features(file: Path, say: Callable[[str], None]) -> Tensor | None:
    """(n, d) float32, mapped: a change would stay in memory. None where there are none, or damaged ones, said."""
    if not file.exists():
        return None
    try:
        check_sealed(file)
        return torch.from_numpy(np.load(file, mmap_mode="c", allow_pickle=False))
    except DamagedFile as why:
        say(describe_rebuild(file, why))
    return None


def save_features(file: Path, features: Tensor) -> None:
    rows = features.float().contiguous().numpy()
    write_sealed(file, lambda draft: np.save(draft, rows, allow_pickle=False))


def load_moments(file: Path, say: Callable[[str], None]) -> Moments | None:
    """None where there are none, or damaged ones, said."""
    if not file.exists():
        return None
    try:
        stored = load(read_sealed(file))
    except DamagedFile as why:
        say(describe_rebuild(file, why))
        return None
    moments = Moments(len(stored["mean"]))
    moments.n, moments.mean, moments.scatter = int(stored["n"]), stored["mean"], stored["scatter"]
    return moments


def save_moments(file: Path, moments: Moments) -> None:
    tensors = {"n": torch.tensor(moments.n), "mean": moments.mean, "scatter": moments.scatter}
    write_sealed(file, lambda draft: write_tensors(draft, tensors))
