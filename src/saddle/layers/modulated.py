"""Modulated convolutions, whose weights a style scales. Karras et al. 2019 (StyleGAN 2), section 2.2.

Their weights differ from sample to sample. As they scale what comes in and what goes out alone, they are here one
convolution of scaled activations, which is the same and takes any batch, also where it is exported.
"""

from __future__ import annotations

from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d

from .equalized import EqualizedLinear
from .resampling import Blur, Upsample
from .spectral import full_precision_unless_meta
from .style import NoiseInjection, ScaledLeakyReLU


class ModulatedConv2d(nn.Module):
    """x (n, inputs, h, w) and styles w (n, style) -> (n, outputs, h, w), or twice the height and width with `up`.

    A style becomes a factor s_i of each input, 1 at first on average. Demodulated, each output is divided by the root
    of sum (s_i w_oik)^2, which keeps unit variance: equation 3.
    """

    def __init__(self, inputs: int, outputs: int, style: int, kernel: int = 3, *, up: bool = False,
                 demodulate: bool = True) -> None:  # fmt: skip
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.affine = EqualizedLinear(style, inputs, bias_init=1.0)
        self.scale, self.padding, self.demodulate = 1 / sqrt(inputs * kernel**2), kernel // 2, demodulate
        self.blur = Blur(padding=1, gain=4) if up else None

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        with full_precision_unless_meta(x):  # sums of squares
            s, weight = self.affine(w.to(self.weight.dtype)), self.weight * self.scale
            norm = (s.square() @ weight.square().sum((2, 3)).T + 1e-8).rsqrt() if self.demodulate else None
        x = self.convolve(x * s[:, :, None, None].to(x.dtype), weight)
        return x if norm is None else x * norm[:, :, None, None].to(x.dtype)

    def convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        if self.blur is None:
            return conv2d(x, weight, padding=self.padding)
        out: Tensor = self.blur(conv_transpose2d(x, weight.transpose(0, 1), stride=2))
        return out


class StyledConv(nn.Module):
    """A modulated convolution, noise, a bias and a rectifier."""

    def __init__(self, inputs: int, outputs: int, style: int, up: bool = False) -> None:
        super().__init__()
        self.conv, self.noise = ModulatedConv2d(inputs, outputs, style, up=up), NoiseInjection()
        self.bias, self.activation = nn.Parameter(torch.zeros(outputs)), ScaledLeakyReLU()

    def forward(self, x: Tensor, w: Tensor, noise: bool = True) -> Tensor:
        x = self.noise(self.conv(x, w), noise) + self.bias[:, None, None].to(x.dtype)
        out: Tensor = self.activation(x)
        return out


class ToImage(nn.Module):
    """The part of an image that a layer makes, added to what smaller layers made, at twice their height and width."""

    def __init__(self, inputs: int, channels: int, style: int) -> None:
        super().__init__()
        self.conv = ModulatedConv2d(inputs, channels, style, 1, demodulate=False)
        self.bias, self.up = nn.Parameter(torch.zeros(channels)), Upsample()

    def forward(self, x: Tensor, w: Tensor, image: Tensor | None = None) -> Tensor:
        own: Tensor = self.conv(x, w) + self.bias[:, None, None]
        return own if image is None else own + self.up(image)
