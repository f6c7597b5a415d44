"""Equalised learning rates: weights of unit variance, scaled as they are used. Karras et al. 2017, section 4.1."""

from __future__ import annotations

from math import prod, sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, leaky_relu, linear


class EqualizedLinear(nn.Module):
    """A dense layer (n, inputs) -> (n, outputs) whose weights begin as N(0, 1 / lr_multiplier^2).

    As it is used they are times gain / sqrt(inputs) and lr_multiplier, and so is the bias times the latter: Adam then
    moves all layers at the same pace, and this one at that share of it (StyleGAN's mapping has 0.01).
    """

    def __init__(self, inputs: int, outputs: int, *, gain: float = 1.0, lr_multiplier: float = 1.0, bias: bool = True,
                 bias_init: float = 0.0) -> None:  # fmt: skip
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), bias_init / lr_multiplier)) if bias else None
        self.scale, self.lr_multiplier = gain * lr_multiplier / sqrt(inputs), lr_multiplier

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias * self.lr_multiplier
        return linear(x, self.weight * self.scale, bias)


class EqualizedConv2d(nn.Module):
    """A convolution of an odd kernel that keeps height and width, with weights that begin as N(0, 1).

    With a stride it does so of what is padded already: n pixels a side become (n - kernel) / stride + 1.

    As it is used they are times gain / sqrt(inputs of one output), as He's initialisation would have them with sqrt(2).
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, gain: float = 1.0, bias: bool = True,
                 stride: int = 1) -> None:  # fmt: skip
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale, self.stride = gain / sqrt(prod(self.weight.shape[1:])), stride
        self.padding = kernel // 2 if stride == 1 else 0

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, self.weight * self.scale, self.bias, self.stride, self.padding)


class RectifiedConv2d(EqualizedConv2d):
    """The same, its numbers through a leaky rectifier of slope 0.2, times sqrt(2), in one pass over them."""

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias * sqrt(2)
        x = conv2d(x, self.weight * (self.scale * sqrt(2)), bias, self.stride, self.padding)
        return leaky_relu(x, 0.2, inplace=True)


class PixelNorm(nn.Module):
    """Each place's vector of channels, (n, channels, ...), of unit mean square. Karras et al. 2017, section 4.2."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()
