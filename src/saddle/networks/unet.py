"""U-Net: halved to next to nothing and doubled again, with what was there at each size kept. Isola et al. 2016."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import require
from ..image_size import ImageSize
from ..layers.dropout import drop_rows
from ..layers.init import normal_init
from ..layers.translation import doubling, instance_norm
from ..shape import Shape
from .base import divides, image_pyramid, require_shape
from .patch_gan import PatchJudged, same_size_source


@dataclass(frozen=True)
class UNet(PatchJudged):
    """pix2pix's networks: 256 pixels are halved 8 times, 128 pixels 7 times, 32 pixels 5 times, until one is left."""

    depth: int | None = None  # halvings, each side a multiple of 2 to this power; as many as the size allows if none
    dropout: float = 0.5  # share of numbers that are dropped, afterwards too: the only noise
    dropped: int = 3  # layers behind the smallest map in which they are; 3 are CD512-CD512-CD512 of the paper

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.depth is None or self.depth >= 2, f"UNet: depth is {self.depth}, but should be 2 or more, or none")
        require(0 <= self.dropout < 1, f"UNet: dropout is {self.dropout}, but should be a share from 0 to below 1")
        require(self.dropped >= 0, f"UNet: dropped is {self.dropped}, but should be 0 or more")

    def translator(self, data: Shape) -> nn.Module:
        inputs, depth, bias = same_size_source(self, data).channels, self.halvings(data), not self.affine
        widths = [self.width << min(i, 3) for i in range(depth)]
        down: list[nn.Module] = []
        for i, (a, b) in enumerate(zip((inputs, *widths), widths, strict=False)):
            halve = normal_init(nn.Conv2d(a, b, 4, 2, 1, bias=bias))
            last = i + 1 == depth  # a map of one pixel has no variance
            norm = [instance_norm(b, self.affine)] if i > 0 and not last else []
            down.append(nn.Sequential(*([nn.LeakyReLU(0.2)] if i else []), halve, *norm))
        up = []
        for i in range(depth - 1, 0, -1):
            a = widths[i] if i + 1 == depth else 2 * widths[i]  # with what was kept there
            double = doubling(a, widths[i - 1], self.upsample, 4, bias)
            up.append(nn.Sequential(nn.ReLU(), double, instance_norm(widths[i - 1], self.affine)))
        end = nn.Sequential(nn.ReLU(), doubling(2 * widths[0], data.channels, self.upsample, 4, True), nn.Tanh())
        return self.begin(UNetTranslator(down, up, end, self.dropout, min(self.dropped, depth - 1)))

    def halvings(self, data: Shape) -> int:
        """How often pictures are halved: as `depth` says, or until a side is odd; refused where few can be."""
        size = ImageSize(*data[1:3])
        if self.depth is not None:
            unit = 1 << self.depth
            near = ImageSize(*(max(round(side / unit), 1) * unit for side in size))
            require_shape(divides(unit, size), self, data, f"pictures whose sides are multiples of {unit} pixels at "
                          f"--networks.depth {self.depth}", f"give --size {near.option}, or a lower depth")  # fmt: skip
            return self.depth
        steps = image_pyramid(self, data, 1).steps
        while divides(2 << steps, size):
            steps += 1
        return steps


class UNetTranslator(nn.Module):
    """(n, channels, height, width) to (n, other channels, height, width), of any sides that `multiple` divides."""

    def __init__(self, down: Sequence[nn.Module], up: Sequence[nn.Module], end: nn.Module, dropout: float,
                 dropped: int) -> None:  # fmt: skip
        super().__init__()
        self.down, self.up, self.end = nn.ModuleList(down), nn.ModuleList(up), end
        self.dropout, self.dropped, self.multiple = dropout, dropped, 1 << len(down)

    def forward(self, x: Tensor, condition: Tensor | None = None, noise: bool = True) -> Tensor:
        kept = []
        for layer in self.down:
            x = layer(x)
            kept.append(x)
        kept.pop()
        for i, layer in enumerate(self.up):
            x = layer(x)
            if noise and i < self.dropped and self.dropout:
                x = drop_rows(x, self.dropout)
            x = torch.cat((kept.pop(), x), 1)
        made: Tensor = self.end(x)
        return made
