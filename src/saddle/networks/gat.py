"""GAT's transformers: a picture at several depths of the generator, and a critic that reads them together.

Hyun, Lee & Heo 2025, arXiv:2509.24935, from its description; theirs play on an autoencoder's latents.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, linear, silu

from ..core import Verdict, upcast
from ..errors import require
from ..image_size import ImageSize
from ..layers.conditional import check_labels
from ..layers.equalized import PixelNorm
from ..layers.init import glorot_uniform, zero_bias
from ..layers.transformer import GatedBlock, RMSNorm, ScaledBlock, from_patches, rotary_turns, sine_table
from ..precision import full_precision
from ..shape import Shape
from .base import require_counts, require_multiples

MEAN_DECAY = 0.995  # of the mean code of each class, with every round
MAPPING_RATE = 0.01  # at which the mapping's weights move, as a share of the others' rate


@dataclass(frozen=True)
class Patches:
    """What pairs of transformers on patches have in common, for pictures of any size that patches divide."""

    latent: int = 64  # numbers the generator starts from
    width: int = 192  # numbers in a token of either network
    depth: int = 8  # blocks of either network
    patch: int = 4  # pixels along the side of a patch, which is one token
    head_width: int = 64  # numbers of one head of attention, which divide the width
    projection: int = 256  # numbers in which the critic compares a picture with its class

    def __post_init__(self) -> None:
        require_counts(self, "latent", "width", "depth", "patch", "head_width", "projection")
        name, width, head = type(self).__name__, self.width, self.head_width
        require(head % 4 == 0, f"{name}: head_width is {head}, but half of it tells the row and half the column, in "
                f"pairs; give --networks.head-width {max(4, head // 4 * 4)}")  # fmt: skip
        require(width % head == 0, f"{name}: {width} numbers in a token make no heads of {head}; give --networks.width "
                f"{-(-width // head) * head}")  # fmt: skip

    def critic(self, data: Shape) -> TransformerCritic:
        return TransformerCritic(self, data, self.grid(data), 1)

    def grid(self, data: Shape, halvings: int = 0) -> ImageSize:
        """Rows and columns of patches in such pictures, or in codes whose sides are theirs halved so often.

        Refused where they leave a rest.
        """
        require(not data.points and data.text is None, f"{type(self).__name__} takes pictures, not {data}; for points "
                "there is the recipe r3gan-toy, for lines of text seqgan")  # fmt: skip
        unit = self.patch << halvings
        require_multiples(self, data, unit)
        return ImageSize(data.height // unit, data.width // unit)


@dataclass(frozen=True)
class PatchTransformer(Patches):
    """GAT's pair, told the class of a picture where there are some.

    The authors' S, B, L and XL have 384, 768, 1024 and 1152 numbers in a token, 12, 12, 24 and 28 blocks, heads of 64
    (XL: 72), patches of 2, 4 or 8 and 2048 as the projection. Their generator also keeps a layer that nothing reads.
    """

    levels: int = 4  # depths at which the generator makes a picture, of which the depth is a multiple

    def __post_init__(self) -> None:
        super().__post_init__()
        require_counts(self, "levels")
        right = -(-self.depth // self.levels) * self.levels
        require(self.depth == right, f"PatchTransformer: depth is {self.depth}, but its levels need a multiple of "
                f"{self.levels}; give --networks.depth {right}")  # fmt: skip

    def generator(self, data: Shape) -> TransformerGenerator:
        return TransformerGenerator(self, data, self.grid(data))

    def critic(self, data: Shape) -> TransformerCritic:
        return TransformerCritic(self, data, self.grid(data), self.levels)


class ScaledLinear(nn.Linear):
    """A dense layer by Glorot & Bengio's rule that moves at a share of the others' rate: its numbers are kept larger by
    as much, and made smaller as they are used."""

    def __init__(self, inputs: int, outputs: int, rate: float = 1.0) -> None:
        super().__init__(inputs, outputs)
        self.rate = rate
        glorot_uniform(self)
        with torch.no_grad():
            self.weight.div_(rate)

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight * self.rate, self.bias * self.rate)


class CodeMapping(nn.Module):
    """A latent (n, latent) and a label become a code (n, width); without classes all have one label."""

    def __init__(self, latent: int, classes: int, width: int) -> None:
        super().__init__()
        self.labels, self.norm = label_table(classes, latent), PixelNorm()
        self.first, self.last = (ScaledLinear(n, width, MAPPING_RATE) for n in (2 * latent, width))

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        both = torch.cat([self.norm(z), self.norm(self.labels(labels).to(z))], 1)
        code: Tensor = self.last(silu(self.first(both)))
        return code


def label_table(classes: int, size: int) -> nn.Embedding:
    table = nn.Embedding(max(classes, 1), size)
    nn.init.normal_(table.weight, 0.0, 0.02)
    return table


def cut_patches(channels: int, width: int, patch: int) -> nn.Conv2d:
    """Pictures to tokens, (n, width, rows, columns), by Glorot & Bengio's rule for a dense layer on each patch."""
    layer = zero_bias(nn.Conv2d(channels, width, patch, patch))
    nn.init.xavier_uniform_(layer.weight.view(width, -1))
    return layer


class ToldClass(nn.Module):
    """A network that is told a class where there are some, and else takes all samples for one."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes, self.needs = classes, "label" if classes else ""

    def labels(self, condition: Tensor | None, like: Tensor) -> Tensor:
        """The class of each row of `like`, (n,) int64."""
        if self.classes:
            return check_labels(condition, self.classes)
        return torch.zeros(like.shape[0], dtype=torch.int64, device=like.device)


class TransformerGenerator(ToldClass):
    """Latents (n, latent) to a code, and codes to pictures at each level, the last of which is the sample.

    It starts from places alone: all that differs between two samples is the code. Each level adds its picture to those
    before, and they stand as channels, (n, levels * channels, height, width), shallow to deep.
    """

    mean_code: Tensor

    def __init__(self, form: PatchTransformer, data: Shape, grid: ImageSize) -> None:
        super().__init__(data.classes)
        self.grid, self.patch, self.channels, self.levels = grid, form.patch, data.channels, form.levels
        self.to_code = CodeMapping(form.latent, data.classes, form.width)
        self.blocks = nn.ModuleList(GatedBlock(form.width, form.head_width) for _ in range(form.depth))
        self.heads = nn.ModuleList(PatchHead(form.width, form.patch, data.channels) for _ in range(form.levels))
        self.register_buffer("table", sine_table(form.width, grid), persistent=False)
        self.register_buffer("turns", rotary_turns(form.head_width, grid), persistent=False)
        self.register_buffer("mean_code", torch.zeros(max(data.classes, 1), form.width))

    def forward(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.synthesis(self.mapping(z, condition))[:, -self.channels :]

    def mapping(self, z: Tensor, condition: Tensor | None = None) -> Tensor:
        """The codes (n, width) of latents."""
        code: Tensor = self.to_code(z, self.labels(condition, z))
        return code

    def synthesis(self, code: Tensor) -> Tensor:
        """The pictures of every level, (n, levels * channels, height, width)."""
        told, x = silu(code), cast(Tensor, self.table).expand(code.shape[0], -1, -1)
        every, made = len(self.blocks) // self.levels, list[Tensor]()
        for i, block in enumerate(self.blocks, 1):
            x = block(x, told, self.turns)
            if i % every == 0:
                picture = from_patches(self.heads[len(made)](x, told), self.grid, self.patch)
                made.append(made[-1] + picture if made else picture)
        return torch.cat(made, 1)

    def class_means(self, code: Tensor, condition: Tensor | None) -> Tensor:
        """Of codes (n, width): the sum of each class's, and how many it has, over n, (classes, width + 1)."""
        code = upcast(code)
        classes = torch.arange(len(self.mean_code), device=code.device)
        shares = (self.labels(condition, code)[:, None] == classes).to(code) / len(code)
        with full_precision(code):
            return torch.cat([shares.T @ code, shares.sum(0)[:, None]], 1)

    def update_mean_code(self, mean: Tensor) -> None:
        """Let the mean code of each class that was there follow; `mean` is that of `class_means` over all parts."""
        there = mean[:, -1:]
        now = torch.lerp(mean[:, :-1] / there.clamp(min=1e-12), self.mean_code, MEAN_DECAY)
        self.mean_code.copy_(torch.where(there > 0, now, self.mean_code))

    def truncated(self, code: Tensor, condition: Tensor | None, truncation: float) -> Tensor:
        """Codes drawn to the mean of their class: 1 leaves them, 0 gives the mean."""
        return torch.lerp(embedding(self.labels(condition, code), self.mean_code).to(code), code, truncation)

    def guided(self, code: Tensor, z: Tensor, guidance: float) -> Tensor:
        """Codes moved away from the mean of all classes' codes for the same latent: 1 leaves them."""
        classes = len(self.mean_code)
        every = torch.arange(classes, device=z.device).repeat(z.shape[0])
        middle = self.to_code(z.repeat_interleave(classes, 0), every).unflatten(0, (-1, classes)).mean(1)
        return torch.lerp(middle, code, guidance)


class PatchHead(nn.Module):
    """Tokens (n, tokens, width) to patches of a picture, (n, tokens, patch^2 channels), scaled as a code tells."""

    def __init__(self, width: int, patch: int, channels: int) -> None:
        super().__init__()
        self.norm, self.tell = RMSNorm(width, gain=False), glorot_uniform(nn.Linear(width, width))
        self.paint = glorot_uniform(nn.Linear(width, patch**2 * channels))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        patches: Tensor = self.paint(self.norm(x) * (1 + self.tell(code)[:, None]))
        return patches


class TransformerCritic(ToldClass):
    """Pictures of all levels, (n, levels * channels, height, width), to one score each, (n,): how alike a summary of
    the picture and what its class became are, a product of the two. A learned token gathers the summary.

    A picture alone, (n, channels, height, width), stands for all levels.
    """

    def __init__(self, form: Patches, data: Shape, grid: ImageSize, levels: int) -> None:
        super().__init__(data.classes)
        width, both = form.width, form.projection
        self.channels, self.levels = data.channels, levels
        self.cut = cut_patches(levels * data.channels, width, form.patch)
        self.summary = nn.Parameter(0.02 * torch.randn(width))
        self.blocks = nn.ModuleList(ScaledBlock(width, form.head_width) for _ in range(form.depth))
        self.norm, self.head = RMSNorm(width), glorot_uniform(nn.Linear(width, both))
        self.table = label_table(data.classes, both)
        self.class_code = nn.Sequential(ScaledLinear(both, both), nn.SiLU(), ScaledLinear(both, both))
        self.register_buffer("places", sine_table(width, grid), persistent=False)
        self.register_buffer("turns", rotary_turns(form.head_width, grid, others=1), persistent=False)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        x = x.repeat(1, self.levels, 1, 1) if x.shape[1] == self.channels else x
        tokens = self.cut(x).flatten(2).transpose(1, 2)
        tokens = tokens + cast(Tensor, self.places)
        tokens = torch.cat([self.summary.to(tokens).expand(x.shape[0], 1, -1), tokens], 1)
        for block in self.blocks:
            tokens = block(tokens, self.turns)
        features: Tensor = self.head(self.norm(tokens[:, 0]))
        return Verdict((features * self.class_code(self.table(self.labels(condition, x)))).sum(1), features)
