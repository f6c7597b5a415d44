"""The losses of the first GAN. With sigma the logistic function: -log sigma(t) = softplus(-t)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import softplus

from ..errors import require


@dataclass(frozen=True)
class CrossEntropy:
    """The critic's loss of both: the cross-entropy of telling reals from fakes."""

    target: float = 1.0  # of real samples; 0.9 is one-sided label smoothing, Salimans et al. 2016
    paired: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require(0 < self.target <= 1, f"target is {self.target}, but a label for reals lies above 0 and up to 1")

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        loss = softplus(-real).mean() + softplus(fake).mean()
        # a real's cross-entropy against the target t is softplus(-r) + (1 - t) r
        return loss if self.target == 1 else loss + (1 - self.target) * real.mean()


class Minimax(CrossEntropy):
    """Both players minimise or maximise one value. Goodfellow et al. 2014, equation 1."""

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -softplus(fake).mean()


class NonSaturating(CrossEntropy):
    """The generator maximises log D(G(z)) instead. Goodfellow et al. 2014, section 3."""

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(-fake).mean()
