"""A penalty on what the critic makes of an image that was moved a little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from ..clock import Number
from ..core import InputGrad, Judge, Judged, LossSide, check_penalty
from ..errors import require
from ..parts import draw_rows


@dataclass(frozen=True)
class ConsistencyRegularisation:
    """A real image scores alike when mirrored and moved by some pixels. Zhang et al. 2019 (CR-GAN).

    What comes in at a border is the mirror image, as in the authors' code. Raises Mistake for 2-D points.
    """

    weight: Number = 10.0  # how strong; from memory
    shift: int = 4  # pixels at most, in each direction; from memory
    every: int = 1  # due once in so many rounds, and then as many times as strong
    loss: ClassVar[LossSide] = "critic"
    input_grad: ClassVar[InputGrad] = "nowhere"

    def __post_init__(self) -> None:
        check_penalty(self)
        require(self.shift >= 0, f"ConsistencyRegularisation's shift is {self.shift}, but should be 0 or more pixels")

    def __call__(self, judge: Judge, real: Judged, fake: Judged) -> Tensor:
        moved = judge(flip_and_shift(real.sample.detach(), self.shift))
        return (real.score - moved.score).square().mean()


def flip_and_shift(x: Tensor, shift: int) -> Tensor:
    """Each image mirrored half of the time, then moved by up to so many pixels; beyond its edge is its mirror image."""
    height, width = x.shape[2:]
    require(width > 1, "ConsistencyRegularisation mirrors and moves images, but these are points; leave it out")
    x = torch.where(draw_rows(torch.rand, x, 1, 1, 1) < 0.5, x.flip(3), x)
    down, right = (draw_rows(torch.rand, x, 2) * (2 * shift + 1)).long().sub(shift).unbind(1)
    row, column = reflected_index(height, down), reflected_index(width, right)
    each = torch.arange(len(x), device=x.device)[:, None, None]
    return x.movedim(1, 3)[each, row[:, :, None], column[:, None, :]].movedim(3, 1)


def reflected_index(side: int, shift: Tensor) -> Tensor:
    """Where the pixels of a side come from after shifts (n,), (n, side): mirrored at the middle of the last pixel."""
    source = torch.arange(side, device=shift.device) - shift[:, None]
    return (source + side - 1).remainder(max(2 * side - 2, 1)).sub(side - 1).abs()
