"""Targets for scores, and the squared distance to them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ..errors import require


@dataclass(frozen=True)
class LeastSquares:
    """Scores have targets: a of fakes and b of reals, c of fakes for the generator. Mao et al. 2016.

    The best critic is (b p + a q) / (p + q): with targets 0 and 1 it is the probability of being real, with no sigmoid.
    """

    a: float = 0.0  # what the critic wants fakes to score
    b: float = 1.0  # what the critic wants reals to score
    c: float = 1.0  # what the generator wants fakes to score
    scale: float = 0.5  # of every square; CycleGAN takes 1
    paired: ClassVar[bool] = False

    def __post_init__(self) -> None:
        targets = f"LeastSquares has the targets a={self.a} and b={self.b} for the critic, c={self.c} for the generator"
        higher = "more real is higher, so give finite numbers with a below b and c"
        require(-math.inf < self.a < min(self.b, self.c) and max(self.b, self.c) < math.inf, f"{targets}; {higher}")
        require(0 < self.scale < math.inf, f"LeastSquares' scale is {self.scale}, but should be above 0")

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.scale * ((real - self.b).square().mean() + (fake - self.a).square().mean())

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.scale * (fake - self.c).square().mean()


# The paper's other coding. The defaults' b = c = 1 is what is mostly played; with b - a = 2 and b - c = 1 the generator
# descends Pearson's chi-squared between p + q and 2 q.
PEARSON = LeastSquares(-1.0, 1.0, 0.0)
