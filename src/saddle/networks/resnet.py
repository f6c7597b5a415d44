"""ResNets, of WGAN-GP, SN-GAN, SAGAN, the projection critic and AC-GAN: one family."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import ClassVar, Literal, NamedTuple, get_args

from torch import Tensor, nn

from ..errors import require
from ..image_size import ImageSize
from ..layers.attention import SelfAttention
from ..layers.conditional import ConditionalUpBlock, check_labels
from ..layers.init import glorot_uniform
from ..layers.resampling import GlobalSumPool
from ..layers.residual import down_block, same_block, up_block
from ..layers.spectral import add_spectral_norms
from ..shape import Shape
from .ac_gan import ClassifyingCritic
from .base import Critic, Generator, image_pyramid, require_counts
from .cgan import require_labels
from .projection_gan import Projection

SpectralSide = Literal["none", "critic", "both"]
Head = Literal["mean", "sum", "projection", "classes"]
SMALL_SIDE = 32  # pixels of the shorter side up to which the critic has two blocks at its smallest places
CHOICES = {"spectral": get_args(SpectralSide), "head": get_args(Head)}


class Plan(NamedTuple):
    """What size the maps have: the generator's first, then shorter sides block by block."""

    start: ImageSize
    up: list[int]  # behind each of the generator's blocks
    down: list[int]  # behind each of the critic's halvings
    same: int  # blocks of the critic that follow at its smallest places


@dataclass(frozen=True)
class ResNet:
    """Residual networks, batch normalisation in the generator only: WGAN-GP's for CIFAR-10. Gulrajani et al. 2017.

    SN-GAN's (Miyato et al. 2018) are ResNet(width_generator=256, spectral=critic, head=sum); with attention=16 and
    spectral=both they have SAGAN's attention (Zhang et al. 2018, whose own are for 128 pixels); with conditional=True
    and head=projection they are those of Miyato & Koyama 2018. WGAN-GP's with labels, whose critic also classifies,
    are ResNet(conditional=True, head=classes).

    Sides are halved until the shorter has 4 to 7 pixels. For 64 pixels and more width=64, widest=1024 (96 and 1536) has
    the channels of BigGAN at 128 (Brock et al. 2018) and its critic's blocks; there SAGAN's attention=32.
    """

    latent: int = 128  # numbers the generator starts from
    width: int = 128  # channels next to the image, and of every block if widest is 0
    width_generator: int | None = None  # the same of the generator, if others than the critic's
    widest: int = 0  # channels at most, where each smaller map has twice as many as the next; 0: all have the same
    attention: int = 0  # shorter side of the maps whose places attend to each other, in both players; 0 for none
    conditional: bool = False  # batch normalisation in the generator by the class
    spectral: SpectralSide = "none"  # the players whose layers are spectrally normalised
    head: Head = "mean"  # the critic's: mean or sum over places, the sum with the class, or the mean with class logits

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", *(["width_generator"] if self.width_generator is not None else []))
        for name, choices in CHOICES.items():
            given, words = getattr(self, name), ", ".join(map(str, choices))
            require(given in choices, f"ResNet: {name} is {given!r}, but should be one of {words}")
        for name in ("widest", "attention"):
            given = getattr(self, name)
            require(given >= 0, f"ResNet: {name} is {given!r}, but should be 0 or more")

    @property
    def needs_labels(self) -> bool:
        """Must the data have labels, for either player?"""
        return self.conditional or self.head in ("projection", "classes")

    def generator(self, data: Shape) -> nn.Module:
        plan = self.plan(data)
        widths = self.widths(self.width_generator or self.width, len(plan.up) + 1)[::-1]
        start = widths[0], *plan.start
        first = (glorot_uniform(nn.Linear(self.latent, prod(start))), nn.Unflatten(1, start))
        blocks = self.up_blocks(widths, plan, data.classes)
        if self.attention or self.conditional:  # without, its end was drawn first, and seeds keep what they give
            blocks = iter(list(blocks))
        w = widths[-1]
        last = (nn.BatchNorm2d(w), nn.ReLU(inplace=True), glorot_uniform(nn.Conv2d(w, data.channels, 3, padding=1)))
        made = (ConditionalResNet(first, blocks, (*last, nn.Tanh()), data.classes) if self.conditional
                else Generator(*first, *blocks, *last, nn.Tanh()))  # fmt: skip
        return add_spectral_norms(made) if self.spectral == "both" else made

    def up_blocks(self, widths: list[int], plan: Plan, classes: int) -> Iterator[nn.Module]:
        """From the smallest places to the image's."""
        for side, (a, b) in zip(plan.up, pairwise(widths), strict=True):
            yield ConditionalUpBlock(a, b, classes) if self.conditional else up_block(a, b)
            if side == self.attention:
                yield SelfAttention(b)

    def critic(self, data: Shape) -> nn.Module:
        plan = self.plan(data)
        widths = self.widths(self.width, len(plan.down))
        pool = mean_pooling_critic if self.head in ("mean", "classes") else sum_pooling_critic
        critic: nn.Module = pool(widths[-1], *self.down_blocks([data.channels, *widths], plan))
        if self.head == "projection":
            critic = Projection(critic, data.classes, widths[-1])
        elif self.head == "classes":
            critic = ClassifyingCritic(critic, data.classes, widths[-1])
        return critic if self.spectral == "none" else add_spectral_norms(critic)

    def down_blocks(self, widths: list[int], plan: Plan) -> Iterator[nn.Module]:
        """From the image's places to few, and one block or two there."""
        for i, (side, (a, b)) in enumerate(zip(plan.down, pairwise(widths), strict=True)):
            yield down_block(a, b, first=i == 0)
            if side == self.attention:
                yield SelfAttention(b)
        yield from (same_block(widths[-1]) for _ in range(plan.same))

    def widths(self, width: int, count: int) -> list[int]:
        """Channels next to the image, at the next smaller places, ..."""
        return [min(width << i, max(self.widest, width)) for i in range(count)]

    def plan(self, data: Shape) -> Plan:
        """The places of both players; refused where none has the places that should attend to each other."""
        if self.needs_labels:
            require_labels(self, data)
        plan = residual_plan(self, data)
        both = ", ".join(map(str, plan.down))
        require(self.attention in (0, *plan.down), f"ResNet: attention is {self.attention}, but for {data} should be 0 "
                f"or one of {both}; give --networks.attention {plan.down[0]}")  # fmt: skip
        return plan


def residual_plan(pair: object, data: Shape) -> Plan:
    """Twice or half the size in each block; the critic of small images stops one halving earlier, as at 32 pixels."""
    (start, steps), side = image_pyramid(pair, data), min(data.height, data.width)
    small = side <= SMALL_SIDE
    up, down = range(steps - 1, -1, -1), range(1, max(steps - small, 1) + 1)
    return Plan(start, [side >> i for i in up], [side >> i for i in down], 2 if small else 1)


def mean_pooling_critic(width: int, *blocks: nn.Module) -> Critic:
    """A critic that reads its scores from the mean over all places."""
    trunk = nn.Sequential(*blocks, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return Critic(trunk, glorot_uniform(nn.Linear(width, 1)))


def sum_pooling_critic(width: int, *blocks: nn.Module) -> Critic:
    """A critic that reads its scores from the sum over all places, without a bias, as in SN-GAN's code."""
    trunk = nn.Sequential(*blocks, nn.ReLU(inplace=True), GlobalSumPool())
    return Critic(trunk, glorot_uniform(nn.Linear(width, 1, bias=False)))


class ConditionalResNet(nn.Module):
    """A residual generator whose blocks are told the class, by their batch normalisation."""

    needs: ClassVar[str] = "label"

    def __init__(self, first: Iterable[nn.Module], blocks: Iterable[nn.Module], last: Iterable[nn.Module],
                 classes: int) -> None:  # fmt: skip
        super().__init__()
        self.classes = classes
        self.start, self.blocks, self.end = nn.Sequential(*first), nn.ModuleList(blocks), nn.Sequential(*last)

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        labels = check_labels(condition, self.classes)
        h = self.start(z)
        for block in self.blocks:
            h = block(h, labels) if isinstance(block, ConditionalUpBlock) else block(h)
        image: Tensor = self.end(h)
        return image
