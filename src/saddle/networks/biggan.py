"""BigGAN's residual networks: one embedding of the class for all layers, and a part of the latent for each block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, pairwise, repeat
from math import prod
from typing import Literal, TypeVar, get_args

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..errors import require
from ..layers.attention import SelfAttention
from ..layers.conditional import (
    ConditionalBatchNorm,
    ConditionalUpBlock,
    EmbeddedBatchNorm,
    SharedEmbedding,
    check_labels,
)
from ..layers.init import LinearLayer, normal_init, orthogonal_init
from ..layers.resampling import GlobalSumPool
from ..layers.residual import down_block, same_block
from ..layers.spectral import add_spectral_norms
from ..shape import Shape
from .base import Critic, require_counts
from .projection_gan import Projection
from .resnet import Plan, residual_plan

Init = Literal["orthogonal", "normal"]
AnyWeights = TypeVar("AnyWeights", bound=LinearLayer | nn.Embedding)
# Times the width, by how many maps there are. Those for 128, 256 and 512 pixels are the paper's, for 64 its authors'
# port's; fewer maps all have 4, and more maps than for 512 pixels have 1 next to the image.
GENERATOR_WIDTHS = {5: (16, 16, 8, 4, 2), 6: (16, 16, 8, 4, 2, 1), 7: (16, 16, 8, 8, 4, 2, 1),
                    8: (16, 16, 8, 8, 4, 2, 1, 1)}  # fmt: skip
CRITIC_WIDTHS = {5: (1, 2, 4, 8, 16), 6: (1, 2, 4, 8, 16, 16), 7: (1, 2, 4, 8, 8, 16, 16),
                 8: (1, 1, 2, 4, 8, 8, 16, 16)}  # fmt: skip
MOST_MAPS = 8  # that the tables know
ALONE = ("note: nothing tells these pictures' classes, so all are taken as of one class: the generator is told the "
         "same of each, and the critic nothing; with --labels it would make each class on demand")  # fmt: skip


@dataclass(frozen=True)
class BigResNet:
    """BigGAN's for 128 pixels, and by the authors' tables for 32, 64, 256 and 512. Brock et al. 2018.

    Both players are spectrally normalised and attend at one size of maps; the critic is told the class by a projection,
    the generator by batch normalisation. Of data without labels all are taken as one class, which is said.
    Sides are halved until the shorter has 4 to 7 pixels: up to 63 pixels the widths are those for 32, up to 127 those
    for 64, and so on. Each block has an equal part of the latent, the first layer the rest: 20 numbers each
    with latent=80 at 32 pixels, 100 at 64, 120 at 128, 140 at 256, 160 at 512.
    """

    latent: int = 120  # numbers the generator starts from, over all its blocks
    width: int = 96  # channels of which the tables have 1, 2, 4, 8 and 16 times as many
    shared: int = 128  # numbers a class becomes for all blocks; 0: each block learns its own gains, of no latent
    attention: int = 64  # places attend to each other in the largest maps of this shorter side or less; 0: none do
    init: Init = "orthogonal"  # how weights begin, or normal: of deviation 0.02, as the authors have it for CIFAR-10

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width")
        for name in ("shared", "attention"):
            given = getattr(self, name)
            require(given >= 0, f"BigResNet: {name} is {given!r}, but should be 0 or more")
        kinds = get_args(Init)
        require(self.init in kinds, f"BigResNet: init is {self.init!r}, but should be one of {', '.join(kinds)}")

    def generator(self, data: Shape) -> nn.Module:
        plan = residual_plan(self, data)
        maps = len(plan.up) + 1
        widths = [self.width * n for n in (*times(GENERATOR_WIDTHS, maps), *[1] * (maps - MOST_MAPS))]
        parts = maps if self.shared else 1
        require(self.latent >= parts, f"BigResNet: latent is {self.latent}, but for {data} each of {maps - 1} blocks "
                f"and the first layer has a part of it; give --networks.latent {20 * parts}")  # fmt: skip
        part = self.latent // maps if self.shared else 0
        start = nn.Linear(self.latent - part * (parts - 1), widths[0] * prod(plan.start))
        last = nn.Conv2d(widths[-1], data.channels, 3, padding=1)
        table = self.draw(nn.Embedding(max(data.classes, 1), self.shared)) if self.shared else None
        blocks = self.up_blocks(widths, plan, part, max(data.classes, 1))
        made = BigGenerator(nn.Sequential(start, nn.Unflatten(1, (widths[0], *plan.start))), blocks, last, part, table,
                            data.classes)  # fmt: skip
        return add_spectral_norms(self.drawn(made))

    def up_blocks(self, widths: list[int], plan: Plan, part: int, classes: int) -> Iterator[nn.Module]:
        """From the smallest places to the image's."""
        norm, told = (EmbeddedBatchNorm, part + self.shared) if self.shared else (ConditionalBatchNorm, classes)
        for side, (a, b) in zip(plan.up, pairwise(widths), strict=True):
            yield ConditionalUpBlock(a, b, told, norm)
            if side == self.attended(plan):
                yield SelfAttention(b, self.draw)

    def critic(self, data: Shape) -> nn.Module:
        plan = residual_plan(self, data)
        maps = len(plan.down) + plan.same
        widths = [self.width * n for n in (*[1] * (maps - MOST_MAPS), *times(CRITIC_WIDTHS, maps))]
        blocks = self.down_blocks([data.channels, *widths], plan)
        trunk = nn.Sequential(*blocks, nn.ReLU(inplace=True), GlobalSumPool())
        critic: nn.Module = Critic(trunk, nn.Linear(widths[-1], 1))
        if data.classes:
            critic = Projection(critic, data.classes, widths[-1])
        return add_spectral_norms(self.drawn(critic))

    def down_blocks(self, widths: list[int], plan: Plan) -> Iterator[nn.Module]:
        """From the image's places to few, and one block or two there."""
        sides = chain(plan.down, repeat(0))
        for i, (side, (a, b)) in enumerate(zip(sides, pairwise(widths), strict=False)):
            yield down_block(a, b, first=i == 0) if side else same_block(b, a)
            if side and side == self.attended(plan):
                yield SelfAttention(b, self.draw)

    def attended(self, plan: Plan) -> int:
        """The shorter side of the maps whose places attend to each other; 0 for none."""
        return max((side for side in plan.down if side <= self.attention), default=0)

    def draw(self, layer: AnyWeights) -> AnyWeights:
        """The layer, its weights as all begin."""
        return orthogonal_init(layer) if self.init == "orthogonal" else normal_init(layer)

    def drawn(self, network: nn.Module) -> nn.Module:
        """The network with all weights drawn that are not normalised yet, as those of attention are."""
        for layer in network.modules():
            if isinstance(layer, LinearLayer | nn.Embedding) and not parametrize.is_parametrized(layer):
                self.draw(layer)
        return network


def times(table: Mapping[int, tuple[int, ...]], maps: int) -> tuple[int, ...]:
    """How many times as many channels as the width each of so many maps has, of those that the table knows."""
    return table.get(min(maps, MOST_MAPS), (4,) * maps)


class BigGenerator(nn.Module):
    """Images of latents (n, latent) and labels (n,): each block is told its part of the latent and the class.

    Without classes every image is of the one class that there is.
    """

    def __init__(self, start: nn.Module, blocks: Iterable[nn.Module], last: nn.Conv2d, part: int,
                 table: nn.Embedding | None, classes: int) -> None:  # fmt: skip
        super().__init__()
        self.classes, self.part, self.needs = classes, part, "label" if classes else ""
        self.note = "" if classes else ALONE
        self.shared = None if table is None else SharedEmbedding(table)
        self.start, self.blocks = start, nn.ModuleList(blocks)
        self.end = nn.Sequential(nn.BatchNorm2d(last.in_channels), nn.ReLU(inplace=True), last, nn.Tanh())

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        labels = check_labels(condition, self.classes) if self.classes else torch.zeros_like(z[:, 0], dtype=torch.int64)
        told = self.told(z, labels)
        h = self.start(z[:, : z.shape[1] - len(told) * self.part])
        for block in self.blocks:
            h = block(h, told.pop()) if isinstance(block, ConditionalUpBlock) else block(h)
        image: Tensor = self.end(h)
        return image

    def told(self, z: Tensor, labels: Tensor) -> list[Tensor]:
        """What each block is told, the last one's first: its part of the latent and the class's numbers, or labels."""
        count = sum(isinstance(block, ConditionalUpBlock) for block in self.blocks)
        if self.shared is None:
            return count * [labels]
        numbers = self.shared(labels).to(z.dtype)
        return [torch.cat([z[:, z.shape[1] - (i + 1) * self.part :][:, : self.part], numbers], 1) for i in range(count)]
