"""pix2pix: pictures out of pictures, learned of pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..averaging import Averaging, HalfLife
from ..batches import Pairs
from ..clock import Number
from ..core import Objective
from ..games import PairedTranslation
from ..networks import UNet
from ..objectives import NonSaturating
from ..optim import Adam
from ..recipe import Optimizing, Paper, Recipe, TranslationNetworks
from ..shape import Shape


@dataclass(frozen=True)
class Pix2Pix(Recipe[Pairs]):
    """Which side is made of which is the data's to say: of source pictures come target pictures.

    The noise is dropout, kept on afterwards too; normalisation is by each picture's own statistics, always.
    """

    paper = Paper("Isola et al.", 2016, arxiv="1611.07004")
    batch_type: ClassVar[type[Pairs]] = Pairs

    networks: TranslationNetworks = UNet()  # a U-Net as deep as the size allows, and patches of 70 pixels
    objective: Objective = NonSaturating()  # how scores become losses
    l1: Number = 100.0  # weight of the mean absolute error of what is made
    optimizer: Optimizing = Adam(lr=2e-4, betas=(0.5, 0.999))  # how both players step
    critic_optimizer: Optimizing | None = None  # how the critic steps, if otherwise
    average: Averaging | None = HalfLife()  # how the averaged generator follows; the house's, not the paper's
    batch: int = 1  # pairs in one move

    def game(self, data: Shape) -> PairedTranslation:
        nets = self.networks
        return PairedTranslation(nets.translator(data), nets.critic(data), self.objective, self.l1)

    def steps(self, player: str) -> Optimizing:
        return self.critic_optimizer if player == "critic" and self.critic_optimizer else self.optimizer
