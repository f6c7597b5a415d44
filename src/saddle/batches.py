"""What a round receives. Images are float32 in [-1, 1], (n, channels, height, width)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Images(NamedTuple):
    """Samples, with a label or code for each where the data has them."""

    image: Tensor  # (n, channels, height, width)
    condition: Tensor | None = None  # (n,) int64 labels, or (n, d) codes
