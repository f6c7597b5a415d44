"""An endless stream of batches on a device, that can be taken up at any place."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..batches import Images
from ..errors import format_count, require
from ..shape import Shape
from .dataset import Dataset
from .order import random_words, sample_order


class Feed(Iterator[Images]):
    """Batches of a data set, shuffled anew in every epoch; part i of several gets its rows of each whole batch.

    What it gives depends on the seed and `position` (images of the whole stream) alone. Images are float32 in [-1, 1],
    (n, channels, height, width), channels last in memory, averaged down to `shape` where that is smaller than the
    data's. Raises Mistake for a batch that is larger than the data, or that its parts cannot share.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch: int,
        seed: int,
        device: torch.device | str,
        part: int = 0,
        parts: int = 1,
        position: int = 0,
        shape: Shape | None = None,
    ) -> None:
        check_batch_size(batch, parts, len(dataset), dataset.name)
        self.dataset, self.batch, self.seed, self.device = dataset, batch, seed, torch.device(device)
        self.first, self.count, self.position = part * batch // parts, batch // parts, position
        self.shape = check_downscale(dataset.shape, dataset.shape if shape is None else shape)

    def __next__(self) -> Images:
        start = self.position + self.first
        batch = self.batch_at(np.arange(start, start + self.count))
        self.position += self.batch
        return batch

    def batch_at(self, places: NDArray[np.int64]) -> Images:
        """What stands at these places of the stream, not more than an epoch apart."""
        first = int(places.min())
        index = sample_order(len(self.dataset), self.seed, first, int(places.max()) - first + 1)[places - first]
        batch = self.dataset.take(index, random_words(self.seed, places))
        condition = None if batch.condition is None else self.to_device(batch.condition)
        return Images(self.downscale(to_float_images(self.to_device(batch.image))), condition)

    def to_device(self, t: Tensor) -> Tensor:
        """On the device; the copy to a GPU overlaps with what is computed there."""
        return t if self.device.type == "cpu" else t.pin_memory().to(self.device, non_blocking=True)

    def downscale(self, image: Tensor) -> Tensor:
        """Averaged down to this feed's shape."""
        size = (self.shape.height, self.shape.width)
        return image if image.shape[2:] == size else F.adaptive_avg_pool2d(image, size)


def check_batch_size(batch: int, parts: int, most: int, name: str = "the data") -> None:
    """Refuse a batch that is larger than the data, or that its parts cannot share."""
    require(batch >= 1, f"a batch of {batch} is none; the smallest has 1 image")
    larger = f"a batch of {batch:,} is larger than {name}, which has {format_count(most, 'sample')}"
    require(batch <= most, f"{larger}; --batch {most} is the largest")
    near = parts * max(1, min(round(batch / parts), most // parts))
    uneven = f"a batch of {batch} cannot be cut into {parts} equal parts, for processes and --accumulate"
    require(batch % parts == 0, f"{uneven}; a multiple of {parts} can, such as --batch {near}")


def to_float_images(image: Tensor) -> Tensor:
    """Bytes as float32 in [-1, 1]; points are left as they are."""
    return image.float().div_(127.5).sub_(1) if image.dtype == torch.uint8 else image


def check_downscale(data: Shape, shape: Shape) -> Shape:
    """The shape, if data can be averaged down to it."""
    fits = shape.channels == data.channels and shape.height <= data.height and shape.width <= data.width
    require(fits, f"samples of {data} cannot be averaged down to {shape}")
    return shape
