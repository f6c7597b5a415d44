"""StyleGAN2 with ADA: pictures are augmented as much as it takes to keep the critic from learning few by heart."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..averaging import Averaging, HalfLife
from ..core import Penalties, Views
from ..errors import require
from ..games import StyleBased
from ..layers import ADA
from ..networks import Modulated
from ..optim import Adam, Lazy
from ..penalties import R1
from ..recipe import Networks, Optimizing, Paper
from ..shape import Shape
from .stylegan2 import BETAS, StyleGAN2

AUTO_GAMMA = 2e-4  # times the pixels of an image, over the batch: the released code's rule


@dataclass(frozen=True)
class StyleGAN2ADA(StyleGAN2):
    """The released code's choices for any data on one GPU; from 512 pixels on its networks have full=64."""

    paper = Paper("Karras et al.", 2020, arxiv="2006.06676")

    networks: Networks = Modulated(mapping=2, full=32)  # generator and critic
    gamma: float | None = None  # how strong R1 is, every 16 moves; 0.0002 * height * width / batch if not given
    penalties: Penalties = ()  # further terms of the critic's loss, beside R1
    views: Views = (ADA(),)  # what the critic sees of each sample: augmentation
    optimizer: Optimizing = Lazy(Adam(lr=2.5e-3, betas=BETAS), every=4)  # how the generator steps
    critic_optimizer: Optimizing = Lazy(Adam(lr=2.5e-3, betas=BETAS), every=16)  # how the critic steps

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.gamma is None or self.gamma >= 0, f"gamma is {self.gamma}, but should be 0 or more, or none")

    def game(self, data: Shape) -> StyleBased:
        gamma = AUTO_GAMMA * data.height * data.width / self.batch if self.gamma is None else self.gamma
        slopes: Penalties = (R1(gamma, every=16),) if gamma else ()
        return StyleGAN2.game(replace(self, penalties=(*slopes, *self.penalties)), data)


# For small pictures and small machines: a two-hundredth of the weights, and a stronger R1, without which samples of a
# short run become all alike. No path lengths, whose mean begins at 0 and presses them all towards it at first.
small = StyleGAN2ADA(
    networks=Modulated(latent=64, style=64, mapping=2, width=32, full=16),
    gamma=5.0,
    mixing=0.0,
    path_length=None,
    batch=16,
)

# The authors' setting for CIFAR-10; with its labels, give networks.conditional.
average: Averaging = HalfLife(500_000, ramp=0.05)
cifar = StyleGAN2ADA(
    networks=Modulated(mapping=2, residual=False, group=32),
    gamma=0.01,
    mixing=0.0,
    path_length=None,
    average=average,
    batch=64,
)
