"""The two sides of a measurement: samples and what they are compared with, as batches of images in one shape."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from ..core import Shape, require
from ..data.dataset import Dataset
from ..data.feed import scaled
from ..data.order import chance, order

BATCH = 256


class Side:
    """`count` samples of a data set in an order of chance that is always the same: the first few are a fair choice."""

    def __init__(self, data: Dataset, count: int | None = None) -> None:
        self.data, self.n = data, min(count or len(data), len(data))
        self.index = order(len(data), 0, 0, self.n)
        self.parts = -(-self.n // BATCH)

    @property
    def labels(self) -> Tensor | None:
        """(n,), where the data have some."""
        if self.data.labels is None:
            return None
        parts = (self.data.take(some, chance(0, some)).condition for some in np.array_split(self.index, self.parts))
        return torch.cat([part for part in parts if part is not None])

    def images(self, rows: Tensor) -> Tensor:
        """Those of these numbers, (len(rows), c, h, w) float32: in [-1, 1], or points as they are."""
        some = self.index[rows.numpy()]
        return scaled(self.data.take(some, chance(0, some)).image).float().contiguous()

    def batches(self) -> Iterator[Tensor]:
        return (self.images(rows) for rows in torch.split(torch.arange(self.n), BATCH))


def as_data(name: str, samples: Tensor, classes: tuple[str, ...] = (), labels: Tensor | None = None) -> Dataset:
    """Made samples (n, c, h, w) as a data set: images as they would be saved, in bytes; raises Mistake for NaN."""
    finite = bool(samples.isfinite().all())
    require(finite, f"a sample of {name} holds a value that is no number: it is NaN or infinite")
    rows = samples.movedim(1, 3)
    if not Shape(*samples.shape[1:]).points:
        rows = ((rows + 1) * 127.5).round().clamp(0, 255).byte()
    known = None if labels is None else labels.numpy().astype(np.int64)
    return Dataset(name, rows.contiguous().numpy(), known, classes if known is not None else ())


def comparable(made: Dataset, real: Dataset) -> None:
    """Raises Mistake where the two sides' samples have not one shape."""
    ours, theirs = made.shape[:3], real.shape[:3]
    channels, height, width = theirs
    advice = f"--size {height} --channels {channels}" if height == width else "--size and --channels"
    require(
        ours == theirs,
        f"{made.name} has samples of {described(ours)} and {real.name} of {described(theirs)}; {advice} helps",
    )


def described(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    return f"{height} x {width} x {channels}"
