"""A side of a measurement as an extractor sees it: features, moments, class probabilities, each worked out once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from ..data.progress import tell_wait
from ..errors import require
from ..metrics.features import Extractor, extract_features
from ..metrics.moments import Moments
from .feature_cache import find_cache_paths, load_features, load_moments, save_features, save_moments
from .inputs import SampleImages, SampleSet

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
        return extract_features(self.network, (images.to(self.device) for images in side.batches())).cpu()


class SampleFeatures:
    """A side through an eye; `only` is a part of it."""

    def __init__(
        self, side: SampleSet, eye: DeviceExtractor, say: Callable[[str], None] = lambda sentence: None
    ) -> None:
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
