"""How smoothly images change along a path between latents."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..errors import require
from .estimates import Estimate, mean_estimate


def path_length(
    generator: Callable[[Tensor], Tensor],
    distance: Callable[[Tensor, Tensor], Tensor],
    latents: tuple[Tensor, Tensor],
    *,
    eps: float = 1e-4,
    spherical: bool = True,
    full: bool = True,
    batch: int = 64,
    seed: int = 0,
) -> Estimate:
    """E d(G(z(t)), G(z(t + eps))) / eps^2 for pairs of latents (n, size), t uniform (Karras et al. 2018, 1812.04948).

    `distance` gives (n,) squared distances, as `squared(features)` does. Spherical for normal latents, straight for W.
    Where it is not `full`, t is 0: what changes at the ends. All pairs are averaged, without trimming. In float32 an
    eps smaller than 1e-4 is lost in rounding.
    """
    first, second = latents
    require(
        first.shape == second.shape and first.ndim == 2,
        f"pairs of latents were expected: {first.shape}, {second.shape}",
    )
    require(len(first) > 0 and eps > 0, f"a path needs latents and a step above zero, not {eps}")
    t = torch.rand(len(first), 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(first) * full
    between, values = slerp if spherical else torch.lerp, []
    with torch.no_grad():
        for a, b, at in zip(*(torch.split(rows, batch) for rows in (first, second, t)), strict=True):
            here, there = (generator(between(a, b, place.expand_as(a))) for place in (at, at + eps))
            values.append(distance(here, there).cpu().double() / eps**2)
    return mean_estimate(torch.cat(values))


def squared_distance_in(features: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """The squared Euclidean distance (n,) of two batches of images in an extractor's features."""
    return lambda x, y: (features(x) - features(y)).flatten(1).square().sum(1)


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """sin((1-t)w)/sin(w) a + sin(tw)/sin(w) b, w the angle between rows (n, size); straight where they are parallel."""
    cosine = torch.nn.functional.cosine_similarity(a, b, dim=1)[:, None].clamp(-1, 1)
    angle = cosine.acos()
    sine = angle.sin()
    flat = sine < 1e-6
    safe = torch.where(flat, torch.ones_like(sine), sine)
    curved = ((1 - t) * angle).sin() / safe * a + (t * angle).sin() / safe * b
    return torch.where(flat, torch.lerp(a, b, t), curved)
