"""What a critic sees of a sample, real or fake, on every look. Samples themselves stay as they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..clock import Clock, Number, check_range, factor_at
from ..core import upcast
from ..errors import require
from ..parts import draw_rows
from .augment import ADA, Augment, DiffAugment


@dataclass(frozen=True)
class Noise:
    """Instance noise of one law on reals and fakes, fresh on every look. Soenderby et al. 2016.

    Annealed by a schedule: Noise(Linear(0.1)) ends without. Normal noise leaves the best generator where it was, since
    blurs are equal only if what was blurred is; on reals alone it would teach the generator to make noisy samples.
    """

    std: Number = 0.1  # standard deviation, where pixels are in [-1, 1]
    kind: Literal["normal", "uniform"] = "normal"  # the noise's distribution

    def __post_init__(self) -> None:
        check_range(self.std, "Noise's std")
        require(self.kind in ("normal", "uniform"), f"Noise's kind is normal or uniform, not {self.kind!r}")

    def __call__(self, sample: Tensor, clock: Clock) -> Tensor:
        x = upcast(sample)
        sampler = torch.randn if self.kind == "normal" else standard_uniform
        return x + factor_at(self.std, clock) * draw_rows(sampler, x, *x.shape[1:])


def standard_uniform(
    *shape: int, generator: torch.Generator | None, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Uniform with mean zero and variance one: on [-sqrt(3), sqrt(3)]."""
    unit = torch.rand(*shape, generator=generator, dtype=dtype, device=device)
    return math.sqrt(3) * (2 * unit - 1)


VIEWS: tuple[type, ...] = (Noise, Augment, ADA, DiffAugment)
