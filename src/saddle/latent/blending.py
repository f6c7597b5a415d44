"""Poisson blending: what is made takes the place of what is hidden, without an edge (Perez et al. 2003)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from ..devices import wide
from ..errors import require

RESIDUAL = 1e-10  # of the right side's norm, at which the equations count as solved


def blend_poisson(images: Tensor, made: Tensor, hidden: Tensor) -> Tensor:
    """Images whose hidden pixels have the differences between neighbours of those made: (n, channels, height, width).

    That is `made` plus the harmonic function which at the known pixels next to a hole is `images - made`: it solves
    Poisson's equation with the known pixels as its boundary, and no flow over the image's own. Pixels of `images` that
    are hidden, (n or 1, 1, height, width), are not read. Each hole needs a known pixel at its side.
    """
    hidden = hidden.expand(len(images), 1, *images.shape[2:])
    require(bool((~hidden).flatten(1).any(1).all()), "nothing is known that could be blended with")
    apart = wide(images) - wide(made)
    holes = hidden.to(apart.device)
    apart = torch.where(holes, 0, apart)
    correction = torch.where(holes, solve_laplace(apart, holes.double()), apart)
    return torch.where(hidden, (wide(made) + correction).to(images), images)


def solve_laplace(boundary: Tensor, hidden: Tensor) -> Tensor:
    """The hidden pixels, each the mean of its neighbours, the known ones given: by conjugate gradients, float64.

    Each channel of each image goes its own way, and stands still once it has arrived.
    """
    degree = neighbours(torch.ones_like(boundary))
    residual = hidden * neighbours(boundary)
    x, direction = torch.zeros_like(residual), residual
    square = dot(residual, residual)
    enough = RESIDUAL**2 * square
    for _ in range(2 * int(hidden.flatten(1).sum(1).amax())):
        going = square > enough
        if not going.any():
            break
        image = hidden * (degree * direction - neighbours(direction))
        step = torch.where(going, square / dot(direction, image).clamp_min(1e-300), 0)
        x, residual = x + step * direction, residual - step * image
        before, square = square, torch.where(going, dot(residual, residual), square)
        direction = residual + torch.where(going, square / before.clamp_min(1e-300), 0) * direction
    return x


def neighbours(x: Tensor) -> Tensor:
    """The sum of each pixel's up to four neighbours."""
    x = pad(x, (1, 1, 1, 1))
    return x[..., :-2, 1:-1] + x[..., 2:, 1:-1] + x[..., 1:-1, :-2] + x[..., 1:-1, 2:]


def dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((2, 3), keepdim=True)
