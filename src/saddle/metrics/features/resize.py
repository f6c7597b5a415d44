"""The ways to bring images to a network's size; figures made with two of them differ by more than methods do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ...errors import did_you_mean, require


def resize_bilinear(images: Tensor, size: int) -> Tensor:
    """Bilinear between pixel centres and without a low-pass filter, as pytorch-fid does it."""
    return F.interpolate(images, (size, size), mode="bilinear", align_corners=False)


def resize_clean(images: Tensor, size: int) -> Tensor:
    """Bicubic with a low-pass filter where it shrinks, as Pillow does it on floats (Parmar et al. 2022, 2104.11222)."""
    return F.interpolate(images, (size, size), mode="bicubic", align_corners=False, antialias=True).clamp(0, 255)


def resize_pillow(images: Tensor, size: int) -> Tensor:
    """As Pillow resizes pictures of bytes: bicubic with a low-pass filter, rounded to bytes after either direction.

    Of whole numbers from 0 to 255, (n, 3, h, w). dgm-eval brings images to DINOv2's size so (Stein et al. 2023).
    """
    rows = images.to("cpu", torch.uint8).movedim(1, 3).contiguous().numpy()
    small = [np.asarray(Image.fromarray(row).resize((size, size), Image.Resampling.BICUBIC)) for row in rows]
    return torch.from_numpy(np.stack(small)).movedim(3, 1).to(images)


def resize_tensorflow(images: Tensor, size: int) -> Tensor:
    """Bilinear from the corner: pixel i reads at i * h / size, as the graph of 2015 and torch-fidelity do it."""
    return _lines(_lines(images, size, 2), size, 3)


RESIZE_FILTERS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "bilinear": resize_bilinear,
    "clean": resize_clean,
    "tensorflow": resize_tensorflow,
}


def find_filter(name: str) -> Callable[[Tensor, int], Tensor]:
    require(name in RESIZE_FILTERS, f"there is no resize filter {name}{did_you_mean(name, RESIZE_FILTERS)}")
    return RESIZE_FILTERS[name]


def _lines(images: Tensor, size: int, axis: int) -> Tensor:
    length = images.shape[axis]
    place = torch.arange(size, dtype=torch.float64) * (length / size)
    low = place.long().clamp(max=length - 1)
    share = (place - low).to(images).view([-1 if i == axis else 1 for i in range(4)])
    low = low.to(images.device)
    near, far = images.index_select(axis, low), images.index_select(axis, (low + 1).clamp(max=length - 1))
    return near + share * (far - near)
