"""A side of a measurement as an extractor sees it: features, moments, class probabilities, each worked out once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import cached_property
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
from ..data.progress import tell_wait
from ..errors import require
from ..metrics.features import Extractor, Identity, extract_features
from ..metrics.moments import Moments
from ..notices import Notify, notify_nobody
from ..runs.tensors import write_tensors
from .helping import LEADS
from .inputs import SampleImages, SampleSet
from .shared_features import shared_features

MANY_SAMPLES = 2000  # samples, from which on it is said that they are being read


class DeviceExtractor:
    """An extractor where it works, with the layer behind it that names classes, if it has one."""

    def __init__(self, extractor: Extractor, device: torch.device, naming: Callable[[Tensor], Tensor] | None = None,
                 classes: tuple[str, ...] = ()) -> None:  # fmt: skip
        self.network, self.device, self.classify, self.classes = extractor, device, naming, classes

    @property
    def title(self) -> str:
        name, dimension = self.network.name, self.network.dimension
        return name if name.endswith(f"-{dimension}") else f"{name}-{dimension}"

    def extract(self, side: SampleSet) -> Tensor:
        if LEADS.get() and not isinstance(self.network, Identity):
            return shared_features(self.network, self.device, side.batches(), side.n)
        return extract_features(self.network, (images.to(self.device) for images in side.batches()), count=side.n)


class SampleFeatures:
    """A side through an eye; `only` is a part of it."""

    def __init__(self, side: SampleSet, eye: DeviceExtractor, say: Notify = notify_nobody) -> None:
        self.sample_set, self.extractor, self.say, self.rows = side, eye, say, torch.arange(side.n)
        self.parent: SampleFeatures | None = None

    def subset(self, rows: Tensor) -> SampleFeatures:
        """Those of these numbers."""
        part = SampleFeatures(self.sample_set, self.extractor)
        part.rows, part.parent = self.rows[rows], self.parent or self
        return part

    def __len__(self) -> int:
        return len(self.rows)

    def images(self, count: int) -> Tensor:
        """The first `count` of them, (count, c, h, w)."""
        return self.sample_set.images(self.rows[:count])

    def lazy_images(self, count: int) -> SampleImages:
        """The first `count` of them, read as they are asked for."""
        return SampleImages(self.sample_set, self.rows[:count])

    @cached_property
    def features(self) -> Tensor:
        """(n, d) float32, from the cache where this side is data."""
        if self.parent:
            return self.parent.features[self.rows]
        where = find_cache_paths(self.sample_set, self.extractor.network)
        kept = load_features(where.features, self.say) if where else None
        if kept is not None:
            return kept
        if self.sample_set.n >= MANY_SAMPLES:
            later = "; they are kept for the next time" if where else ""
            tell_wait(
                self.say,
                f"reading {self.sample_set.n:,} of {self.sample_set.data.name} with {self.extractor.title}{later}",
            )
        features = self.extractor.extract(self.sample_set)
        if where:
            save_features(where.features, features)
        return features

    @cached_property
    def moments(self) -> Moments:
        where = None if self.parent else find_cache_paths(self.sample_set, self.extractor.network)
        kept = load_moments(where.moments, self.say) if where else None
        if kept is not None:
            return kept
        moments = Moments.of(self.features)
        if where:
            save_moments(where.moments, moments)
        return moments

    @cached_property
    def probabilities(self) -> Tensor:
        """(n, classes)."""
        require(
            self.extractor.classify is not None,
            f"this metric needs class names, and {self.sample_set.data.name} has none",
        )
        assert self.extractor.classify is not None
        with torch.no_grad():
            return torch.cat([self.extractor.classify(rows) for rows in torch.split(self.features, 4096)])


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


def load_features(file: Path, say: Notify) -> Tensor | None:
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


def load_moments(file: Path, say: Notify) -> Moments | None:
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
