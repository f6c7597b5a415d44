"""How weights begin: each function fills a layer's weights, puts its bias to zero, and gives the layer back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod, sqrt
from typing import Any, TypeVar

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

LinearLayer = nn.Linear | nn.Conv2d | nn.ConvTranspose2d
AnyLinear = TypeVar("AnyLinear", bound=LinearLayer)
AnyLayer = TypeVar("AnyLayer", bound=LinearLayer | nn.Embedding | nn.BatchNorm1d | nn.BatchNorm2d | nn.InstanceNorm2d)


def normal_init(layer: AnyLayer, std: float = 0.02, mean: float = 0.0) -> AnyLayer:
    """Weights from N(mean, std^2)."""
    nn.init.normal_(layer.weight, mean, std)
    return zero_bias(layer)


def uniform_init(layer: AnyLayer, bound: float) -> AnyLayer:
    """Weights from U(-bound, bound)."""
    nn.init.uniform_(layer.weight, -bound, bound)
    return zero_bias(layer)


def he_uniform(layer: AnyLinear) -> AnyLinear:
    """Uniform with variance 2 / inputs, which keeps the size of what goes through a ReLU. He et al. 2015."""
    inputs, _ = fan_in_and_out(layer)
    return uniform_init(layer, sqrt(6 / inputs))


def glorot_uniform(layer: AnyLinear) -> AnyLinear:
    """Uniform with variance 2 / (inputs + outputs). Glorot & Bengio 2010."""
    return uniform_init(layer, sqrt(6 / sum(fan_in_and_out(layer))))


def orthogonal_init(layer: AnyLayer) -> AnyLayer:
    """Rows or columns, whichever are fewer, orthogonal and of length one. Saxe et al. 2014."""
    if not layer.weight.is_meta:  # of which torch would work out every step's shape
        nn.init.orthogonal_(layer.weight)
    return zero_bias(layer)


def small_xavier(layer: AnyLinear) -> AnyLinear:
    """Normal, by Glorot & Bengio's rule as torch counts inputs and outputs, times 0.02: as CUT's code has it."""
    nn.init.xavier_normal_(layer.weight, 0.02)
    return zero_bias(layer)


def zero_bias(layer: AnyLayer) -> AnyLayer:
    bias = getattr(layer, "bias", None)  # an embedding has none
    if bias is not None:
        nn.init.zeros_(bias)
    return layer


def fan_in_and_out(layer: LinearLayer) -> tuple[float, float]:
    """How many numbers one output sums, and how many outputs one input reaches, away from the borders."""
    if isinstance(layer, nn.Linear):
        return layer.in_features, layer.out_features
    taps, stride = prod(layer.kernel_size), prod(layer.stride)
    inputs, outputs = layer.in_channels * taps, layer.out_channels * taps
    # torch's own count takes no stride into account, and turns a transposed convolution's two sides around
    return (inputs / stride, outputs) if layer.transposed else (inputs, outputs / stride)


class SkipRandomInit(TorchFunctionMode):
    """Weights that nobody will look at are not drawn in here: where they have only shapes, torch is slow at it."""

    def __torch_function__(self, function: Callable[..., Any], types: object, args: tuple[Any, ...] = (),
                           kwargs: Mapping[str, Any] | None = None) -> Any:  # fmt: skip
        name, kwargs = getattr(function, "__name__", ""), kwargs or {}
        if name in ("normal_", "uniform_"):
            return args[0] if args else kwargs["tensor"]
        if name == "linalg_qr":  # of which orthogonal weights are made
            return args[0], args[0].new_empty(args[0].shape[1], args[0].shape[1])
        return (torch.empty if name in ("randn", "rand") else function)(*args, **kwargs)
