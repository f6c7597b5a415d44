"""Adaptive instance normalisation: a style decides each map's mean and deviation. Huang & Belongie 2017."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .equalized import EqualizedLinear
from .spectral import full_precision_unless_meta


class AdaptiveInstanceNorm(nn.Module):
    """(n, channels, height, width) and styles (n, style): each map of each sample gets mean b and deviation |1 + s|.

    b and s are a linear function of the style that begins with a bias of 0: Karras et al. 2018, equation 1, where one
    is added to the scale as in the authors' code.
    """

    def __init__(self, style: int, channels: int) -> None:
        super().__init__()
        self.affine = EqualizedLinear(style, 2 * channels)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        scale, shift = self.affine(w)[:, :, None, None].chunk(2, 1)
        with full_precision_unless_meta(x):
            own = x.to(torch.promote_types(x.dtype, torch.float32))
            own = own - own[:, :, :1, :1].detach()  # exact in a map that hardly varies, whose mean would be rounded
            var, mean = torch.var_mean(own, (2, 3), correction=0, keepdim=True)
            normal = (own - mean) * (var + 1e-8).rsqrt()
            adapted: Tensor = normal * (1 + scale.to(own.dtype)) + shift.to(own.dtype)
        return adapted
