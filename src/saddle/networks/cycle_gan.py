"""Residual translators: CycleGAN's, from those of Johnson et al. 2016, and CUT's. Zhu et al. 2017, Park et al. 2020."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from ..errors import require
from ..image_size import ImageSize
from ..layers.init import normal_init
from ..layers.translation import BlurPool, doubling, instance_norm
from ..shape import Shape
from .base import divides, require_shape
from .patch_gan import PatchJudged, same_size_source

LARGE_SIDE = 256  # pixels from which the paper has nine blocks in the place of six


@dataclass(frozen=True)
class ResidualTranslator(PatchJudged):
    """c7s1-64, d128, d256, R256 nine times (six below 256 pixels), u128, u64, c7s1-3: CycleGAN's; CUT's with blur.

    Sides are halved twice, so any multiples of 4 will do.
    """

    affine: bool = False  # gains and biases in the normalisation; CycleGAN's convolutions have biases instead
    blocks: int | None = None  # residual blocks at a quarter of the size; as in the paper if none
    blur: bool = False  # halve by blurring, in both players, as CUT does (and doubles by resizing)

    def __post_init__(self) -> None:
        super().__post_init__()
        name = type(self).__name__
        require(self.blocks is None or self.blocks >= 1, f"{name}: blocks are {self.blocks}, but should be 1 or more")

    def translator(self, data: Shape) -> nn.Module:
        size, w = ImageSize(*data[1:3]), self.width
        near = ImageSize(*(max(round(side / 4), 2) * 4 for side in size))
        require_shape(divides(4, size) and min(size) >= 8, self, data, "pictures whose sides are "
                      "multiples of 4 pixels, 8 or more", f"give --size {near.option}")  # fmt: skip
        inputs, blocks = same_size_source(self, data).channels, self.blocks or (9 if min(size) >= LARGE_SIDE else 6)
        layers: dict[str, nn.Module] = {"frame": nn.ReflectionPad2d(3), "first": self.conv(inputs, w, 7)}
        layers |= self.norm_relu("first", w)
        for name, a, b in (("down1", w, 2 * w), ("down2", 2 * w, 4 * w)):
            layers[name] = self.conv(a, b, 3, 1 if self.blur else 2, 1)
            layers |= self.norm_relu(name, b) | ({f"{name}_blur": BlurPool()} if self.blur else {})
        layers |= {f"block{i}": self.block(4 * w) for i in range(1, blocks + 1)}
        for name, a, b in (("up1", 4 * w, 2 * w), ("up2", 2 * w, w)):
            layers[name] = doubling(a, b, self.upsample, 3, not self.affine)
            layers |= self.norm_relu(name, b)
        layers |= {
            "last_frame": nn.ReflectionPad2d(3),
            "last": normal_init(nn.Conv2d(w, data.channels, 7)),
            "squash": nn.Tanh(),
        }
        told = {"frame": inputs, "down1": 2 * w, "down2": 4 * w, "block1": 4 * w, f"block{min(5, blocks)}": 4 * w}
        return self.begin(ResidualNetwork(layers, told))

    def critic(self, data: Shape) -> nn.Module:
        return self.patches(data, self.blur)

    def conv(self, inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0) -> nn.Conv2d:
        return normal_init(nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=not self.affine))

    def norm_relu(self, name: str, width: int) -> dict[str, nn.Module]:
        return {f"{name}_norm": instance_norm(width, self.affine), f"{name}_relu": nn.ReLU(inplace=True)}

    def block(self, width: int) -> nn.Module:
        """x + what two convolutions make of it, without an activation behind."""
        half = [
            (nn.ReflectionPad2d(1), self.conv(width, width, 3), instance_norm(width, self.affine)) for _ in range(2)
        ]
        return Residual(nn.Sequential(*half[0], nn.ReLU(inplace=True), *half[1]))


class Residual(nn.Module):
    def __init__(self, main: nn.Module) -> None:
        super().__init__()
        self.main = main

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.main(x)
        return out


class ResidualNetwork(nn.Module):
    """(n, channels, height, width) to (n, other channels, height, width), of any sides that 4 divides; no noise."""

    multiple = 4

    def __init__(self, layers: Mapping[str, nn.Module], told: Mapping[str, int]) -> None:
        super().__init__()
        self.layers, self.told = nn.Sequential(OrderedDict(layers)), dict(told)

    def forward(self, x: Tensor, condition: Tensor | None = None, noise: bool = True) -> Tensor:
        made: Tensor = self.layers(x)
        return made

    @property
    def feature_widths(self) -> tuple[int, ...]:
        """The channels of each of `features`."""
        return tuple(self.told.values())

    def features(self, x: Tensor) -> list[Tensor]:
        """What the first half makes of pictures at five depths, (n, channels, height, width) each, for CUT.

        The pixels in their mirrored frame, the two convolutions that halve, as they are before their normalisation, and
        the first and the fifth block.
        """
        found: list[Tensor] = []
        for name, layer in self.layers.named_children():
            x = layer(x)
            found += [x] * (name in self.told)
            if len(found) == len(self.told):
                break
        return found
