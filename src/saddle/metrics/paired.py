"""How near images are to those that they should be: one number for each pair."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import require
from .diversity import WINDOW, similarity

BEST_PSNR = 100.0  # dB, of images that are equal, whose ratio would have no end


def check_window(shape: Sequence[int]) -> None:
    """Refuse images (channels, height, width) that the window of structural similarity does not fit into."""
    fits = min(shape[1:3]) >= WINDOW
    require(fits, f"structural similarity needs at least {WINDOW} pixels of a side, not {shape[1]}x{shape[2]}")


def l1(made: Tensor, true: Tensor) -> Tensor:
    """The mean distance of pixels (n,), in the units of images from -1 to 1: 0 for equal ones, 2 at most."""
    return (made.double() - true.double()).abs().flatten(1).mean(1)


def psnr(made: Tensor, true: Tensor) -> Tensor:
    """The peak signal-to-noise ratio (n,) of images from -1 to 1, dB: 10 log10(2^2 / mean squared error)."""
    error = (made.double() - true.double()).square().flatten(1).mean(1)
    return (10 * torch.log10(4 / error)).clamp(max=BEST_PSNR)


def ssim(made: Tensor, true: Tensor) -> Tensor:
    """Structural similarity (n,) of images from -1 to 1, with a Gaussian window of 11 pixels, each channel by itself.

    Black is brought to 0, as the measure compares means of light (Wang, Bovik, Sheikh and Simoncelli 2004): 1 for equal
    images. Raises Mistake for images that the window does not fit into.
    """
    check_window(made.shape[1:])
    likeness, _ = similarity((made.double() + 1) / 2, (true.double() + 1) / 2)
    return likeness.mean(1)
