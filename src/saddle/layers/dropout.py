"""Dropout as a noise input: what is dropped of a sample hangs on the seed and its place, in training and afterwards."""

from __future__ import annotations

import torch
from torch import Tensor

from ..parts import draw_rows


def drop_rows(x: Tensor, share: float) -> Tensor:
    """x (n, ...) with this share of each row's numbers put to zero, the others raised so that its mean stays."""
    kept = draw_rows(torch.rand, x, *x.shape[1:]) >= share
    return x * kept / (1 - share)
