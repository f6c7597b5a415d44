"""How many samples are made at once where they are only looked at: so many that memory is that of a few pictures."""

from __future__ import annotations

import torch

from ..shape import Shape

MAX_ROWS = 64  # also the samples whose chance is drawn together, of which parts take their rows
PIXELS_PER_PASS = {
    "cpu": 1 << 16,
    "cuda": 1 << 18,
    "mps": 1 << 18,
}  # in one pass: beyond them more rows at once are hardly faster


def rows_at_once(shape: Shape, device: torch.device, batch: int = MAX_ROWS) -> int:
    """A power of two up to 64, the same for any number of samples, but for the last few of them.

    `batch` is what the networks were trained on at once, and more than that is never needed. Points may be as many.
    """
    pixels = shape.height * shape.width
    fits = max(1, min(MAX_ROWS, PIXELS_PER_PASS[device.type] // pixels, MAX_ROWS if shape.points else batch))
    return int(1 << fits.bit_length() - 1)
