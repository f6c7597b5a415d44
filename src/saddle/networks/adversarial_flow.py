"""A transformer from noise of the shape of a picture to the picture. Lin et al. 2025, in one step and without times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn
from torch.nn.functional import silu

from ..image_size import ImageSize
from ..layers.transformer import GatedBlock, from_patches, rotary_turns, sine_table
from ..shape import Shape
from .gat import Patches, PatchHead, ToldClass, cut_patches, label_table


@dataclass(frozen=True)
class FlowTransformer(Patches):
    """GAT's critic of one picture, and a generator of the same blocks that reads noise patch by patch.

    Theirs are diffusion transformers with layer normalisation; these normalise by root mean squares and turn by place.
    """

    latent: int = 1024  # numbers the generator starts from, one for each of a picture; 32x32 in grey

    def generator(self, data: Shape) -> FlowGenerator:
        return FlowGenerator(self, data, self.grid(data))


class FlowGenerator(ToldClass):
    """Noise (n, channels * height * width) to pictures of these sides, told a class where there are some."""

    def __init__(self, form: Patches, data: Shape, grid: ImageSize) -> None:
        super().__init__(data.classes)
        self.grid, self.patch, self.sample = grid, form.patch, data[:3]
        self.cut = cut_patches(data.channels, form.width, form.patch)
        self.table = label_table(data.classes, form.width)
        self.blocks = nn.ModuleList(GatedBlock(form.width, form.head_width) for _ in range(form.depth))
        self.head = PatchHead(form.width, form.patch, data.channels)
        self.register_buffer("places", sine_table(form.width, grid), persistent=False)
        self.register_buffer("turns", rotary_turns(form.head_width, grid), persistent=False)

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        told = silu(self.table(self.labels(condition, z)))
        x = self.cut(z.view(-1, *self.sample)).flatten(2).transpose(1, 2) + cast(Tensor, self.places)
        for block in self.blocks:
            x = block(x, told, self.turns)
        return from_patches(self.head(x, told), self.grid, self.patch)
