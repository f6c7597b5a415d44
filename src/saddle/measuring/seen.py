"""A side of a measurement as an extractor sees it: features, moments, class probabilities, each worked out once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from ..core import require
from ..data.progress import tell_wait
from ..metrics.features import Extractor, features_of
from ..metrics.moments import Moments
from .sides import Pictures, Side
from .store import keep_features, keep_moments, kept_features, kept_moments, place

MANY = 2000  # samples, from which on it is said that they are being read


class Eye:
    """An extractor where it works, with the layer behind it that names classes, if it has one."""

    def __init__(self, extractor: Extractor, device: torch.device, naming: Callable[[Tensor], Tensor] | None = None,
                 classes: tuple[str, ...] = ()) -> None:  # fmt: skip
        self.extractor, self.device, self.naming, self.classes = extractor, device, naming, classes

    @property
    def title(self) -> str:
        name, dimension = self.extractor.name, self.extractor.dimension
        return name if name.endswith(f"-{dimension}") else f"{name}-{dimension}"

    def features(self, side: Side) -> Tensor:
        return features_of(self.extractor, (images.to(self.device) for images in side.batches())).cpu()


class Seen:
    """A side through an eye; `only` is a part of it."""

    def __init__(self, side: Side, eye: Eye, say: Callable[[str], None] = lambda sentence: None) -> None:
        self.side, self.eye, self.say, self.rows = side, eye, say, torch.arange(side.n)
        self.whole: Seen | None = None

    def only(self, rows: Tensor) -> Seen:
        """Those of these numbers."""
        part = Seen(self.side, self.eye)
        part.rows, part.whole = self.rows[rows], self.whole or self
        return part

    def __len__(self) -> int:
        return len(self.rows)

    def images(self, count: int) -> Tensor:
        """The first `count` of them, (count, c, h, w)."""
        return self.side.images(self.rows[:count])

    def pictures(self, count: int) -> Pictures:
        """The first `count` of them, read as they are asked for."""
        return Pictures(self.side, self.rows[:count])

    @cached_property
    def features(self) -> Tensor:
        """(n, d) float32, from the cache where this side is data."""
        if self.whole:
            return self.whole.features[self.rows]
        where = place(self.side, self.eye.extractor)
        kept = kept_features(where.features, self.say) if where else None
        if kept is not None:
            return kept
        if self.side.n >= MANY:
            later = "; they are kept for the next time" if where else ""
            tell_wait(self.say, f"reading {self.side.n:,} of {self.side.data.name} with {self.eye.title}{later}")
        features = self.eye.features(self.side)
        if where:
            keep_features(where.features, features)
        return features

    @cached_property
    def moments(self) -> Moments:
        where = None if self.whole else place(self.side, self.eye.extractor)
        kept = kept_moments(where.moments, self.say) if where else None
        if kept is not None:
            return kept
        moments = Moments.of(self.features)
        if where:
            keep_moments(where.moments, moments)
        return moments

    @cached_property
    def probabilities(self) -> Tensor:
        """(n, classes)."""
        require(self.eye.naming is not None, f"this metric needs class names, and {self.side.data.name} has none")
        assert self.eye.naming is not None
        with torch.no_grad():
            return torch.cat([self.eye.naming(rows) for rows in torch.split(self.features, 4096)])
