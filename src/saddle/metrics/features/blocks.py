"""The parts of Inception-v3 as its graph of 2015 has them, normalisation folded into the convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvReLU(nn.Conv2d):
    """A convolution and a rectifier; of stride 1 it keeps the size unless told to be valid."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int | tuple[int, int] = 1, stride: int = 1, valid: bool = False
    ) -> None:
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (0, 0) if valid or stride > 1 else (height // 2, width // 2)
        super().__init__(inputs, outputs, (height, width), stride, padding)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(super().forward(x), inplace=True)


class Mixed5(nn.Module):
    """At 35 x 35 pixels: 1x1, 5x5, twice 3x3, and a pool; 64 + 64 + 96 + `pool` maps."""

    def __init__(self, inputs: int, pool: int) -> None:
        super().__init__()
        self.branch1x1 = ConvReLU(inputs, 64)
        self.branch5x5_1, self.branch5x5_2 = ConvReLU(inputs, 48), ConvReLU(48, 64, 5)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = ConvReLU(inputs, 64), ConvReLU(64, 96, 3)
        self.branch3x3dbl_3 = ConvReLU(96, 96, 3)
        self.branch_pool = ConvReLU(inputs, pool)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat((self.branch1x1(x), five, double, self.branch_pool(average_pool(x))), 1)


class Reduce6(nn.Module):
    """From 35 x 35 to 17 x 17 pixels; 384 + 96 + 288 maps."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3 = ConvReLU(288, 384, 3, stride=2)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = ConvReLU(288, 64), ConvReLU(64, 96, 3)
        self.branch3x3dbl_3 = ConvReLU(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat((self.branch3x3(x), double, F.max_pool2d(x, 3, 2)), 1)


class Mixed6(nn.Module):
    """At 17 x 17 pixels: 1x1, 7x7 in two strips, twice that, and a pool; four times 192 maps."""

    def __init__(self, inner: int) -> None:
        super().__init__()
        self.branch1x1 = ConvReLU(768, 192)
        self.branch7x7_1, self.branch7x7_2 = ConvReLU(768, inner), ConvReLU(inner, inner, (1, 7))
        self.branch7x7_3 = ConvReLU(inner, 192, (7, 1))
        self.branch7x7dbl_1, self.branch7x7dbl_2 = ConvReLU(768, inner), ConvReLU(inner, inner, (7, 1))
        self.branch7x7dbl_3, self.branch7x7dbl_4 = ConvReLU(inner, inner, (1, 7)), ConvReLU(inner, inner, (7, 1))
        self.branch7x7dbl_5 = ConvReLU(inner, 192, (1, 7))
        self.branch_pool = ConvReLU(768, 192)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat((self.branch1x1(x), seven, double, self.branch_pool(average_pool(x))), 1)


class Reduce7(nn.Module):
    """From 17 x 17 to 8 x 8 pixels; 320 + 192 + 768 maps."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = ConvReLU(768, 192), ConvReLU(192, 320, 3, stride=2)
        self.branch7x7x3_1, self.branch7x7x3_2 = ConvReLU(768, 192), ConvReLU(192, 192, (1, 7))
        self.branch7x7x3_3, self.branch7x7x3_4 = ConvReLU(192, 192, (7, 1)), ConvReLU(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat((three, seven, F.max_pool2d(x, 3, 2)), 1)


class Mixed7(nn.Module):
    """At 8 x 8 pixels: 1x1, 3x3 and twice 3x3 with ends fanned out, and a pool; 320 + 768 + 768 + 192 maps.

    The last block pools by maximum, as the graph of 2015 does and later definitions do not.
    """

    def __init__(self, inputs: int, maximum: bool) -> None:
        super().__init__()
        self.maximum = maximum
        self.branch1x1 = ConvReLU(inputs, 320)
        self.branch3x3_1 = ConvReLU(inputs, 384)
        self.branch3x3_2a, self.branch3x3_2b = ConvReLU(384, 384, (1, 3)), ConvReLU(384, 384, (3, 1))
        self.branch3x3dbl_1, self.branch3x3dbl_2 = ConvReLU(inputs, 448), ConvReLU(448, 384, 3)
        self.branch3x3dbl_3a, self.branch3x3dbl_3b = ConvReLU(384, 384, (1, 3)), ConvReLU(384, 384, (3, 1))
        self.branch_pool = ConvReLU(inputs, 192)

    def forward(self, x: Tensor) -> Tensor:
        three, double = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, 1, 1) if self.maximum else average_pool(x)
        fans = (self.branch3x3_2a(three), self.branch3x3_2b(three))
        fans_of_double = (self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double))
        return torch.cat((self.branch1x1(x), *fans, *fans_of_double, self.branch_pool(pooled)), 1)


def average_pool(x: Tensor) -> Tensor:
    """The mean over 3 x 3 pixels, of those that are there at the border."""
    return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def inception_blocks() -> dict[str, nn.Module]:
    """The whole network in order, up to the maps before the last mean; the pools are named by what follows them."""
    return {
        "Conv2d_1a_3x3": ConvReLU(3, 32, 3, stride=2),
        "Conv2d_2a_3x3": ConvReLU(32, 32, 3, valid=True),
        "Conv2d_2b_3x3": ConvReLU(32, 64, 3),
        "pool_3b": nn.MaxPool2d(3, 2),
        "Conv2d_3b_1x1": ConvReLU(64, 80),
        "Conv2d_4a_3x3": ConvReLU(80, 192, 3, valid=True),
        "pool_5b": nn.MaxPool2d(3, 2),
        "Mixed_5b": Mixed5(192, 32),
        "Mixed_5c": Mixed5(256, 64),
        "Mixed_5d": Mixed5(288, 64),
        "Mixed_6a": Reduce6(),
        "Mixed_6b": Mixed6(128),
        "Mixed_6c": Mixed6(160),
        "Mixed_6d": Mixed6(160),
        "Mixed_6e": Mixed6(192),
        "Mixed_7a": Reduce7(),
        "Mixed_7b": Mixed7(1280, maximum=False),
        "Mixed_7c": Mixed7(2048, maximum=True),
    }
