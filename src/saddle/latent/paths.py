"""Ways from one latent to another."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor

from ..errors import require
from ..metrics.latent_path import slerp
from .space import LatentSpace

PathKind = Literal["auto", "slerp", "lerp"]


def between(space: LatentSpace, a: Tensor, b: Tensor, t: Tensor, kind: PathKind = "auto") -> Tensor:
    """The latents at t in [0, 1], (n,), on the way from a to b (n, ...), 0 at a.

    `slerp` turns at a constant speed, so that the norm stays typical of normal latents, whose straight middle is
    shorter by the square root of 2. `lerp` goes straight, which stays in the box of uniform ones and among styles;
    `auto` is whichever fits.
    """
    require(kind in ("auto", "slerp", "lerp"), f"path {kind!r} is unknown; it is one of auto, slerp, lerp")
    straight = kind == "lerp" or (kind == "auto" and space.straight)
    at = t.to(a).reshape(-1, 1)
    first, second = a.flatten(1), b.flatten(1)
    return (torch.lerp(first, second, at) if straight else slerp(first, second, at)).reshape(a.shape)


def labels_between(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """A label for each t in [0, 1] on the way from one with label a to one with b: there is nothing between classes, so
    that it changes halfway, and both ends are what they are.
    """
    return torch.where(t.to(a.device) < 0.5, a, b)


def walk(space: LatentSpace, stops: Tensor, steps: int, kind: PathKind = "auto", loop: bool = False) -> Tensor:
    """From each of `stops` (k, ...) to the next, `steps` latents a way with both ends: (k - 1, steps, ...).

    A `loop` goes from the last to the first as well: (k, steps, ...).
    """
    require(len(stops) >= 2, f"a way leads from one latent to another, but there are {len(stops)}; give two or more")
    require(steps >= 2, f"steps is {steps}, but should be 2 or more: both ends are steps")
    t = torch.linspace(0, 1, steps)
    ways = [between(space, a.expand(steps, *a.shape), b.expand(steps, *b.shape), t, kind)
            for a, b in pairwise(torch.cat((stops, stops[:1])) if loop else stops)]  # fmt: skip
    return torch.stack(ways)
