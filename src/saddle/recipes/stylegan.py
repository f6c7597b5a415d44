"""StyleGAN: a generator of styles that grows, against PGGAN's critic by another loss."""

from __future__ import annotations

from dataclasses import dataclass

from ..averaging import Averaging, HalfLife
from ..core import Objective, Penalties
from ..games import Faster
from ..games.progressive import StyleGrowing
from ..networks import Styled
from ..objectives import NonSaturating
from ..optim import Adam
from ..penalties import R1
from ..recipe import Networks, Optimizing, Paper
from ..shape import Shape
from .growing import Growing


@dataclass(frozen=True)
class StyleGAN(Growing):
    """The authors' settings for one GPU. A run of 25 million images of 1024 pixels is theirs."""

    paper = Paper("Karras et al.", 2018, arxiv="1812.04948")

    networks: Networks = Styled()  # generator and critic; they grow
    objective: Objective = NonSaturating()  # how scores become losses
    penalties: Penalties = (R1(10.0),)  # further terms of the critic's loss
    optimizer: Optimizing = Adam(lr=1e-3, betas=(0.0, 0.99))  # how both players step; anew at each size
    average: Averaging | None = HalfLife(10_000, ramp=None)  # how the averaged generator follows; the authors'
    last: float = 16_600  # how long the last size is, once it is there
    skip: int = 1  # sizes that are left out at the beginning
    faster: tuple[Faster, ...] = (  # at which sizes both players step faster; the authors'
        Faster(128, 1.5), Faster(256, 2.0), Faster(512, 3.0),
    )  # fmt: skip
    mixing: float = 0.9  # share of the samples with the styles of two latents

    def game(self, data: Shape) -> StyleGrowing:
        return self.grow(StyleGrowing, data, mixing=self.mixing)
