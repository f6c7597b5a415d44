"""All that a generator makes, as a picture: its latents of two numbers, evenly by how often they come."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from ..errors import Mistake, require
from .space import LatentSpace


@runtime_checkable
class Quantiles(Protocol):
    """A prior of independent numbers that says below which number a share of them lies."""

    def quantile(self, share: Tensor) -> Tensor: ...


def quantile_grid(space: LatentSpace, side: int) -> Tensor:
    """side x side latents (side^2, 2), row by row: the first number grows to the right, the second one upwards.

    Along each they are at the shares 1/2n, 3/2n ... of the prior, so that each stands for as many samples. Mistake
    where latents are not two numbers of a prior whose quantiles are known. Kingma & Welling 2013, figure 4.
    """
    require(side >= 2, f"a grid has {side} images a side, but should have 2 or more")
    size = tuple(space.draw(1, 0).shape[1:])
    described = f"{size[0]} numbers" if len(size) == 1 else f"of shape {size}"
    require(size == (2,), f"a grid shows latents of two numbers, but those of this run are {described}; saddle train "
            "vae-plane has two, and other recipes have with --networks.latent 2")  # fmt: skip
    prior = getattr(space.game, "prior", None)
    if not isinstance(prior, Quantiles):
        raise Mistake("a grid is laid by the quantiles of the prior, but this run has none with a method quantile, as "
                      "saddle.layers.priors.Normal is")  # fmt: skip
    at = prior.quantile((torch.arange(side, dtype=torch.float64) + 0.5) / side).float()
    return torch.cartesian_prod(at.flip(0), at).flip(1).to(space.device)
