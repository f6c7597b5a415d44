"""PatchGAN: a critic with a score for every patch of a picture. Isola et al. 2016."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..core import Verdict
from ..errors import require
from ..layers.init import normal_init, small_xavier
from ..layers.translation import BlurPool, Upsampling, instance_norm
from ..shape import Picture, Shape, source_shape
from .base import require_counts, require_shape
from .dcgan import leaky_relu

HALVINGS = {1: 0, 16: 1, 34: 2, 70: 3, 142: 4, 286: 5, 574: 6}  # by the pixels of a side that a score sees


@dataclass(frozen=True)
class PatchJudged:
    """What networks that translate have in common: pictures are judged patch by patch."""

    width: int = 64  # channels next to the image, in both players
    field: int = 70  # pixels of a side that each score sees: 1, 16, 34, 70, 142, 286 or 574
    affine: bool = True  # gains and biases in the normalisation, as pix2pix has them; CycleGAN has none
    upsample: Upsampling = "transposed"  # how the generator doubles; resize where there are checkerboards
    xavier: bool = False  # weights begin by Glorot's rule times 0.02, as in CUT's code, instead of N(0, 0.02^2)

    def __post_init__(self) -> None:
        require_counts(self, "width")
        name, near = type(self).__name__, min(HALVINGS, key=lambda field: abs(field - self.field))
        known = ", ".join(map(str, HALVINGS))
        require(self.field in HALVINGS, f"{name}: field is {self.field}, but should be one of {known}; the nearest is "
                f"{near}")  # fmt: skip
        words = self.upsample in ("transposed", "resize")
        require(words, f"{name}: upsample is {self.upsample!r}, but should be transposed or resize")

    def critic(self, data: Shape) -> nn.Module:
        return self.patches(data, blur=False)

    def patches(self, data: Shape, blur: bool) -> nn.Module:
        """A critic of such pictures; where they are made for pictures, each is judged together with its own."""
        beside = source_shape(data).channels if isinstance(data.condition, Picture) else 0
        halvings = HALVINGS[self.field]
        if halvings:
            self.check_field(data, halvings)
        layers = self.by_pixel(beside + data.channels) if not halvings else (
            self.by_patch(beside + data.channels, halvings, blur))  # fmt: skip
        return self.begin(PatchCritic(nn.Sequential(*layers[:-1]), layers[-1], beside > 0))

    def by_pixel(self, inputs: int) -> list[nn.Module]:
        """Convolutions of 1x1: each pixel is judged by itself."""
        w, bias = self.width, not self.affine
        first, second, last = (
            nn.Conv2d(inputs, w, 1),
            nn.Conv2d(w, 2 * w, 1, bias=bias),
            nn.Conv2d(2 * w, 1, 1, bias=bias),
        )
        norm = instance_norm(2 * w, self.affine)
        return [normal_init(first), leaky_relu(), normal_init(second), norm, leaky_relu(), normal_init(last)]

    def by_patch(self, inputs: int, halvings: int, blur: bool) -> list[nn.Module]:
        """So many halvings, each with twice the channels up to eight times, and two convolutions that keep the size."""
        widths = [self.width << min(i, 3) for i in range(halvings + 1)]
        layers: list[nn.Module] = []
        for i, (a, b) in enumerate(pairwise((inputs, *widths))):
            halve, bias = i < halvings, i == 0 or not self.affine
            layers += [normal_init(nn.Conv2d(a, b, 4, 2 if halve and not blur else 1, 1, bias=bias)),
                       *([instance_norm(b, self.affine)] if i else []), leaky_relu(),
                       *([BlurPool()] if halve and blur else [])]  # fmt: skip
        return [*layers, normal_init(nn.Conv2d(widths[-1], 1, 4, 1, 1))]

    def check_field(self, data: Shape, halvings: int) -> None:
        """Refuse a field whose smallest maps would have a place or none, which no statistics can be taken of."""
        side = min(data.height, data.width)
        fits = [field for field, n in HALVINGS.items() if side >> n >= 3]
        require_shape(side >> halvings >= 3, self, data, f"pictures of {3 << halvings} pixels a side or more for "
                      f"patches of {self.field}", f"give --networks.field {max(fits, default=1)}")  # fmt: skip

    def begin(self, network: nn.Module) -> nn.Module:
        """The network with its weights as they begin."""
        for layer in network.modules() if self.xavier else ():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                small_xavier(layer)
        return network


def same_size_source(pair: object, data: Shape) -> Shape:
    """The shape of the pictures that others of the same size are made of; Mistake where they are of another."""
    before = source_shape(data)
    same = before[1:3] == data[1:3]
    require(same, f"{type(pair).__name__} makes pictures of the size of those that it is given, but these are {before} "
            f"where {data} are wanted; give one --size for both")  # fmt: skip
    return before


class PatchCritic(nn.Module):
    """Scores (n, 1, height, width), one for each patch, of pictures, or of these beside what they are made for."""

    def __init__(self, trunk: nn.Module, head: nn.Module, beside: bool) -> None:
        super().__init__()
        self.trunk, self.head, self.beside = trunk, head, beside

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        if self.beside:
            assert condition is not None, "a picture is judged beside the one that it is made for"
            x = torch.cat((condition, x), 1)
        features = self.trunk(x)
        return Verdict(self.head(features), features)
