"""R3GAN: a relativistic loss with slopes penalised on both sides; nothing else is needed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log10
from typing import Literal

from ..averaging import Averaging, HalfLife
from ..clock import Number, Schedule
from ..core import Objective, Penalties, Views
from ..layers.augment import Augment
from ..layers.priors import Uniform
from ..networks import ConditionalGroupedResidual, GroupedResidual, Perceptron
from ..objectives import Relativistic
from ..optim import Adam, Cosine, Geometric, Over
from ..penalties import R1, R2
from ..recipe import Networks, Optimizing, Paper
from ..shape import Shape
from .versus import Versus

BURN_IN, BURN_IN_IMAGENET = 20_000_000, 200_000_000  # images over which the authors' schedules run
GAMMA, GAMMA_BATCH = 1.5, 256  # at 64x64 pixels, for batches of so many or more; of fewer, as many times as strong
LAPTOP = GroupedResidual(latent=64, width=64, blocks=1, full=1, patch=2, narrowest=16)
SMALL = GroupedResidual(latent=64, width=128, blocks=1, full=2, patch=2, narrowest=32)


@dataclass(frozen=True)
class R3GAN(Versus):
    """The method for pictures of any size, on a small pair of theirs that learns in minutes.

    The presets `r3gan-cifar` and others have the authors' settings; docs/r3gan.md has the rule for what lies between.
    """

    paper = Paper("Huang et al.", 2024, arxiv="2501.05441")

    networks: Networks = SMALL  # generator and critic
    objective: Objective = Relativistic()  # how scores become losses; a real against a fake
    penalties: Penalties = (  # further terms of the critic's loss; 1.2 each at 32x32
        R1(12.0, by_size=True),
        R2(12.0, by_size=True),
    )
    optimizer: Optimizing = Adam(Cosine(1e-3, 2.5e-4), (0.0, 0.99))  # how both players step; five times theirs
    batch: int = 32  # images in one move of the critic


def authors(networks: GroupedResidual, gamma: float, batch: int, half_life: float, p: float,
            burn_in: int = BURN_IN) -> R3GAN:  # fmt: skip
    """One of the authors' settings: each schedule half a cosine over the first images of a run that goes on as long."""

    def over(start: float, stop: float) -> Schedule:
        return Over(Cosine(start, stop), burn_in)

    slope = over(gamma, gamma / 10)
    return R3GAN(
        networks=networks,
        penalties=(R1(slope), R2(slope)),
        views=(Augment(over(0.0, p)),),
        optimizer=Adam(over(2e-4, 5e-5), (0.0, over(0.9, 0.99))),
        average=HalfLife(over(0.0, half_life), ramp=None),
        batch=batch,
    )


# The authors' setting for CIFAR-10, without its labels. Theirs shows 250M images; the half-life rises to 5M of them.
cifar = authors(GroupedResidual(), 0.05, 512, 5e6, 0.55)

# The authors' setting for CIFAR-10: both players are told the class. Theirs shows 250M images.
cifar_labelled = authors(ConditionalGroupedResidual(), 0.05, 512, 5e6, 0.55)

# The authors' setting for FFHQ at 64x64 pixels. How many images theirs shows is not published.
ffhq_64 = authors(GroupedResidual(), 2.0, 256, 5e5, 0.3)

# The authors' setting for FFHQ at 256x256 pixels. How many images theirs shows is not published.
ffhq_256 = authors(GroupedResidual(), 150.0, 256, 5e5, 0.3)

# The authors' setting for ImageNet at 32x32 pixels, with its labels. Theirs shows 1,000M images.
imagenet_32 = authors(ConditionalGroupedResidual(width=1536, group=32), 0.5, 4096, 5e7, 0.5, BURN_IN_IMAGENET)

# The authors' setting for ImageNet at 64x64 pixels, with its labels. Theirs shows 1,000M images.
imagenet_64 = authors(ConditionalGroupedResidual(width=1536, group=32, full=4), 1.0, 4096, 5e7, 0.4, BURN_IN_IMAGENET)

# Small pictures on a processor: glyphs or MNIST at 32x32 pixels in some minutes.
laptop = R3GAN(networks=LAPTOP)

# Three digits in the colours of one picture, 1000 modes: which of them are missed?
stacked = R3GAN(networks=replace(LAPTOP, width=96))

# Points in the plane: the same choices of ours as in the preset `toy` of R1GAN, for the same reasons.
falling = Geometric(0.1, 1e-4)
toy = R3GAN(
    networks=Perceptron(latent=2, width=128, bias=0.6),
    penalties=(R1(falling), R2(falling)),
    prior=Uniform(bound=3**0.5),
    optimizer=Adam(Cosine(5e-3, 2.5e-4), (0.0, 0.99)),
    batch=256,
)


def plan_r3gan(data: Shape, samples: int, images: int, compute: Literal["processor", "gpu"]) -> R3GAN:
    """R3GAN for such data, of which there are so many samples, in a run of so many images: the rule of docs/r3gan.md.

    Between the authors' five settings it is our choice. It looks at nothing and measures nothing.
    """
    large = compute == "gpu" and images >= BURN_IN_IMAGENET and samples >= 500_000
    burn_in = BURN_IN_IMAGENET if large else BURN_IN

    def falls(start: float, stop: float) -> Schedule:
        whole = Cosine(start, stop)
        return Over(whole, burn_in) if images >= burn_in else whole

    networks, rate, batch = plan_players(data, images, large, compute == "gpu")
    gamma = GAMMA * max(1.0, GAMMA_BATCH / batch)
    slope: Number = falls(gamma, gamma / 10) if images >= burn_in else gamma
    p = augmentation_for(images / samples)
    views: Views = (Augment(falls(0.0, p)),) if p else ()
    beta: Number = falls(0.9, 0.99) if images >= burn_in else 0.99
    average: Averaging = HalfLife(max(10_000, images // 50))  # 2 % of the run: their 5M of 250M
    penalties = (R1(slope, by_size=True), R2(slope, by_size=True))
    return R3GAN(networks, penalties=penalties, views=views, optimizer=Adam(falls(rate, rate / 4), (0.0, beta)),
                 average=average, batch=batch)  # fmt: skip


def plan_players(data: Shape, images: int, large: bool, gpu: bool) -> tuple[GroupedResidual, float, int]:
    """Networks as wide as a run of so many images can teach, their first rate and their batch."""
    kind = ConditionalGroupedResidual if data.classes > 1 else GroupedResidual
    if large:
        return kind(width=1536, group=32, full=3 if min(data[1:3]) < 64 else 4), 2e-4, 4096
    if gpu and images >= BURN_IN:
        return kind(narrowest=16), 2e-4, 256
    if gpu:
        return kind(width=192 if images < 2_000_000 else 384, narrowest=16), 5e-4, 64
    patch = 2 if min(data[1:3]) < 128 else 4
    return kind(width=64, blocks=1, full=1, patch=patch, narrowest=16), 1e-3, 32


def augmentation_for(passes: float) -> float:
    """The last probability of augmentation for so many times through the data; none for a few.

    A fit: 0.2 a factor of ten beyond ten passes gives 0.54 for CIFAR-10's 5,000 passes, where the authors have 0.55,
    and 0.38 for ImageNet's 780, where they have 0.4 and 0.5.
    """
    return round(min(max(0.2 * log10(passes / 10), 0.0), 0.55), 2)
