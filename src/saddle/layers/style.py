"""What style-based generators share: latents become styles, and layers have noise. Karras et al. 2018 and 2019."""

from __future__ import annotations

from itertools import pairwise
from math import sqrt

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ..parts import draw_rows
from .conditional import check_labels
from .equalized import EqualizedLinear, PixelNorm
from .one_hot import to_one_hot


class ScaledLeakyReLU(nn.Module):
    """A leaky rectifier of slope 0.2, times sqrt(2): numbers of unit variance keep their size."""

    def forward(self, x: Tensor) -> Tensor:
        return leaky_relu(x, 0.2) * sqrt(2)


class MappingNetwork(nn.Module):
    """Latents (n, latent) as points of unit mean square, through dense layers to styles (n, style).

    With classes, an embedding of the label, of unit mean square too, goes in beside the latent, or alone where latent
    is 0, as in the critic of ADA. Layers learn at a hundredth of the rate: Karras et al. 2018, appendix C.
    """

    def __init__(self, latent: int, style: int, layers: int = 8, classes: int = 0, lr_multiplier: float = 0.01) -> None:
        super().__init__()
        self.classes, self.needs, self.norm = classes, "label" if classes else "", PixelNorm()
        self.embed = EqualizedLinear(classes, style) if classes else None
        sizes = [latent + (style if classes else 0), *[style] * layers]
        dense = (EqualizedLinear(a, b, lr_multiplier=lr_multiplier) for a, b in pairwise(sizes))
        self.layers = nn.Sequential(*(part for layer in dense for part in (layer, ScaledLeakyReLU())))

    def forward(self, z: Tensor | None, condition: Tensor | None = None) -> Tensor:
        given = [] if z is None else [self.norm(z)]
        if self.embed is not None:
            labels = check_labels(condition, self.classes)
            given.append(self.norm(self.embed(to_one_hot(labels, self.classes, self.embed.weight))))
        out: Tensor = self.layers(torch.cat(given, 1))
        return out


class NoiseInjection(nn.Module):
    """One map of noise for each sample, over all channels alike; `strength` begins at 0. Karras et al. 2018.

    One number as in StyleGAN 2, or one for each of so many channels as in StyleGAN.
    """

    def __init__(self, channels: int | None = None) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(()) if channels is None else torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor, on: bool = True) -> Tensor:
        return x + self.strength * draw_rows(torch.randn, x, 1, *x.shape[2:]) if on else x
