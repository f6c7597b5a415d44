"""Losses that are content once a sample is on the right side by a margin; the margin is each sample's own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor
from torch.nn.functional import relu

from ..core import is_energy
from ..errors import require
from ..fitting import FilledGame


@dataclass(frozen=True)
class Hinge:
    """Reals above 1, fakes below -1; the generator has no margin. Lim & Ye 2017; Miyato et al. 2018."""

    paired: ClassVar[bool] = False

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake.mean()


@dataclass(frozen=True)
class Energy:
    """EBGAN: a score is minus an energy, low where data lie and up to a margin elsewhere. Zhao et al. 2016.

    It is for a critic that autoencodes, whose energy, the reconstruction's error, is 0 or more and its score 0 or less.
    """

    margin: float = 1.0  # a fake whose energy is above it is let be, in the units of the critic's error
    paired: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require(0 < self.margin < math.inf, f"Energy's margin is {self.margin}, but should be above 0")

    def fits(self, game: FilledGame) -> None:
        """Refuse energies without a floor: a critic shifts them below any margin for nothing, so that none is left."""
        require(is_energy(game.critic), "Energy needs a critic whose scores are minus an energy, never above 0, but "
                "this one's may be anything; give networks that autoencode, DenseAutoencoding() or "
                "Autoencoding()")  # fmt: skip

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        return -real.mean() + relu(self.margin + fake).mean()

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -fake.mean()
