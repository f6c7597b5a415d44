"""ResNets for 32x32 pixels, of WGAN-GP, SN-GAN, SAGAN, the projection critic and AC-GAN: one family."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from torch import Tensor, nn

from ..errors import require
from ..layers.attention import SelfAttention
from ..layers.conditional import ConditionalUpBlock, check_labels
from ..layers.init import glorot_uniform
from ..layers.resampling import GlobalSumPool
from ..layers.residual import down_block, same_block, up_block
from ..layers.spectral import add_spectral_norms
from ..shape import Shape
from .ac_gan import ClassifyingCritic
from .base import Critic, Generator, require_counts, require_shape
from .cgan import require_labels
from .projection_gan import Projection

SpectralSide = Literal["none", "critic", "both"]
Head = Literal["mean", "sum", "projection", "classes"]
CHOICES = {"attention": (0, 8, 16), "spectral": get_args(SpectralSide), "head": get_args(Head)}


@dataclass(frozen=True)
class ResNet:
    """Residual networks, batch normalisation in the generator only: WGAN-GP's for CIFAR-10. Gulrajani et al. 2017.

    SN-GAN's (Miyato et al. 2018) are ResNet(width_generator=256, spectral=critic, head=sum); with attention=16 and
    spectral=both they have SAGAN's attention (Zhang et al. 2018, whose own are for 128 pixels); with conditional=True
    and head=projection they are those of Miyato & Koyama 2018. WGAN-GP's with labels, whose critic also classifies,
    are ResNet(conditional=True, head=classes).
    """

    latent: int = 128  # numbers the generator starts from
    width: int = 128  # channels of every block
    width_generator: int | None = None  # channels of the generator's blocks, if others than the critic's
    attention: int = 0  # side of the maps whose places attend to each other, in both players: 16, 8, or 0 for none
    conditional: bool = False  # batch normalisation in the generator by the class
    spectral: SpectralSide = "none"  # the players whose layers are spectrally normalised
    head: Head = "mean"  # the critic's: mean or sum over places, the sum with the class, or the mean with class logits

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", *(["width_generator"] if self.width_generator is not None else []))
        for name, choices in CHOICES.items():
            given, words = getattr(self, name), ", ".join(map(str, choices))
            require(given in choices, f"ResNet: {name} is {given!r}, but should be one of {words}")

    @property
    def needs_labels(self) -> bool:
        """Must the data have labels, for either player?"""
        return self.conditional or self.head in ("projection", "classes")

    def generator(self, data: Shape) -> nn.Module:
        self.check(data)
        w = self.width_generator or self.width
        first = (glorot_uniform(nn.Linear(self.latent, 16 * w)), nn.Unflatten(1, (w, 4, 4)))
        blocks = self.up_blocks(w, data.classes)
        if self.attention or self.conditional:  # without, its end was drawn first, and seeds keep what they give
            blocks = iter(list(blocks))
        last = (nn.BatchNorm2d(w), nn.ReLU(inplace=True), glorot_uniform(nn.Conv2d(w, data.channels, 3, padding=1)))
        made = (ConditionalResNet(first, blocks, (*last, nn.Tanh()), data.classes) if self.conditional
                else Generator(*first, *blocks, *last, nn.Tanh()))  # fmt: skip
        return add_spectral_norms(made) if self.spectral == "both" else made

    def up_blocks(self, width: int, classes: int) -> Iterator[nn.Module]:
        """From 4x4 places to 32x32."""
        for side in (8, 16, 32):
            yield ConditionalUpBlock(width, classes) if self.conditional else up_block(width)
            if side == self.attention:
                yield SelfAttention(width)

    def critic(self, data: Shape) -> nn.Module:
        self.check(data)
        pool = mean_pooling_critic if self.head in ("mean", "classes") else sum_pooling_critic
        critic: nn.Module = pool(self.width, *self.down_blocks(data.channels))
        if self.head == "projection":
            critic = Projection(critic, data.classes, self.width)
        elif self.head == "classes":
            critic = ClassifyingCritic(critic, data.classes, self.width)
        return critic if self.spectral == "none" else add_spectral_norms(critic)

    def down_blocks(self, channels: int) -> Iterator[nn.Module]:
        """From 32x32 places to 8x8, and two blocks there."""
        for side, inputs in ((16, channels), (8, self.width)):
            yield down_block(inputs, self.width, first=side == 16)
            if side == self.attention:
                yield SelfAttention(self.width)
        yield from (same_block(self.width) for _ in range(2))

    def check(self, data: Shape) -> None:
        if self.needs_labels:
            require_labels(self, data)
        require_shape(data[1:3] == (32, 32), self, data, "32x32 pixels", "give --size 32")


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
