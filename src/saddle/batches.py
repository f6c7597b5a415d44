"""What a round receives. Images are float32 in [-1, 1], (n, channels, height, width)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

LABEL_ADVICE = (
    "put the images of each class into a folder of its own, or an array's labels beside it into an .npz, or name a "
    "table with --labels, or take --data glyphs --size 32"
)  # how labels are given


class Images(NamedTuple):
    """Samples, with a label or code for each where the data has them."""

    image: Tensor  # (n, channels, height, width)
    condition: Tensor | None = None  # (n,) int64 labels, or (n, d) codes
