"""Codes found by gradient steps, for a generator and a critic without an encoder. AnoGAN (1703.05921)."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from ..capabilities import critic_verdicts
from ..training.signals import check_abandoned
from .chance import own_chance
from .loaded import LoadedGame

RATE = 0.1  # of Adam, which moves each number of a code by itself


class Size(Protocol):
    def __call__(self, difference: Tensor) -> Tensor: ...  # how large each row is, (n,)


def nearest_made(loaded: LoadedGame, x: Tensor, told: Tensor | None, size: Size, shares: tuple[float, float],
                 steps: int, seed: int) -> Tensor:  # fmt: skip
    """Of each image the sample that gradient steps on its code find to be like it in pixels and critic's features.

    Every search of a seed begins at the same code, and each moves by itself: what is found hangs on the image alone.
    """
    game: Any = loaded.game
    of_pixels, of_features = shares
    with own_chance(loaded.device, seed, 0, 1):
        start = game.latents(x[:1])
    with torch.enable_grad():
        z = start.expand(len(x), *start.shape[1:]).clone().requires_grad_()
        adam = torch.optim.Adam([z], RATE)
        for _ in range(steps):
            check_abandoned()
            made = game.make(z, told).float()
            before, after = critic_verdicts(game, x, made, told, loaded.clock)
            wrong = of_pixels * size(x - made) + of_features * size(before.features - after.features)
            (z.grad,) = torch.autograd.grad(wrong.sum(), z)
            adam.step()
    found: Tensor = game.make(z.detach(), told)
    return found.float()
