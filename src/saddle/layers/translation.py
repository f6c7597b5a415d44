"""Layers of networks that make pictures of pictures: statistics of each picture alone, and twice or half its size."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from .init import normal_init
from .resampling import BinomialFilter

Upsampling = Literal["transposed", "resize"]


def instance_norm(width: int, affine: bool) -> nn.InstanceNorm2d:
    """Each channel of each picture by its own mean and variance over all places, in training and afterwards.

    With gains and biases (affine) it is what batch normalisation is to a batch of one picture, as pix2pix trains.
    """
    norm = nn.InstanceNorm2d(width, affine=affine)
    return normal_init(norm, mean=1.0) if affine else norm


def doubling(inputs: int, outputs: int, upsample: Upsampling, kernel: int, bias: bool) -> nn.Module:
    """Twice the height and width: a transposed convolution, or a bilinear doubling before a convolution of 3x3.

    A transposed one adds up another number of terms in each of four neighbours unless its stride divides its kernel,
    and even then weighs them apart: checkerboards, which resizing first has not. Odena et al. 2016.
    """
    if upsample == "resize":
        resize = nn.Upsample(scale_factor=2, mode="bilinear")
        return nn.Sequential(resize, normal_init(nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias)))
    odd = kernel % 2
    return normal_init(nn.ConvTranspose2d(inputs, outputs, kernel, 2, 1, odd, bias=bias))


class BlurPool(BinomialFilter):
    """Half the height and width, rounded up: every second of [1, 2, 1] of the pixels, mirrored at the borders."""

    def __init__(self) -> None:
        super().__init__(order=2)

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(pad(x, (1, 1, 1, 1), mode="reflect"), self.over(x), stride=2, groups=x.shape[1])
