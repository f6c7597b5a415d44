"""Where latents come from. The size is the networks' business; a prior is only a distribution."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .. import devices
from ..errors import require
from ..parts import draw_rows


@dataclass(frozen=True)
class Normal:
    """Independent standard normals."""

    def __call__(self, like: Tensor, size: int) -> Tensor:
        return draw_rows(torch.randn, like, size)

    def quantile(self, share: Tensor) -> Tensor:
        """Below which number so large a share of all lies."""
        found: Tensor = torch.special.ndtri(share)
        return found


def truncate_normal(z: Tensor, threshold: float) -> Tensor:
    """Standard normals within the threshold as they are, others drawn anew from what lies within: of any shape.

    Which number comes instead is decided by how far out the old one is: given |z| > t, P(|Z| > |z|) / P(|Z| > t) is
    uniform on [0, 1], so that share of the truncated distribution is a draw from it. So a sample is still a function of
    its latent, and a steady one.
    """
    wide = devices.wide(z)
    low = torch.special.ndtr(wide.new_tensor(-threshold))  # what is cut off on either side
    share = torch.special.ndtr(-wide.abs()) / low
    drawn = torch.special.ndtri(low + share * (1 - 2 * low)).clamp(-threshold, threshold)
    return torch.where(wide.abs() > threshold, wide.sign() * drawn, wide).to(z)


@dataclass(frozen=True)
class Uniform:
    """Independent uniforms on [-bound, bound]: variance bound^2 / 3."""

    bound: float = 1.0

    def __post_init__(self) -> None:
        require(self.bound > 0, f"Uniform's bound is {self.bound}, but should be above 0")

    def __call__(self, like: Tensor, size: int) -> Tensor:
        return self.bound * (2 * draw_rows(torch.rand, like, size) - 1)

    def quantile(self, share: Tensor) -> Tensor:
        """Below which number so large a share of all lies."""
        return self.bound * (2 * share - 1)


@dataclass(frozen=True)
class Gumbel:
    """Independent standard Gumbel numbers, -log(-log u): the largest of some logits and these is a softmax's draw."""

    def __call__(self, like: Tensor, size: int) -> Tensor:
        u = draw_rows(torch.rand, like, size)
        return -(-u.clamp(min=torch.finfo(u.dtype).tiny).log()).log()


PRIORS: tuple[type, ...] = (Normal, Uniform, Gumbel)
