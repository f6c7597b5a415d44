"""The averaged generator that samples are taken from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from ..core import Game


class Average:
    """An exponential moving average of a game's makers: their parameters and their buffers' real numbers.

    The half-life is in images, and at first no longer than `ramp` of the images shown so far.
    Batch-norm statistics are averaged with the weights that they belong to; whole numbers are copied.
    """

    def __init__(self, game: Game[Any], halflife: int, ramp: float = 0.05) -> None:
        self.game, self.halflife, self.ramp = game, halflife, ramp
        makers = [(name, game.get_submodule(name)) for name in game.makers]
        self.live: dict[str, Tensor] = {
            f"{name}.{key}": t
            for name, maker in makers
            for key, t in (*maker.named_parameters(), *maker.named_buffers())
        }
        self.mean = {key: t.detach().clone() for key, t in self.live.items()}

    @torch.no_grad()
    def follow(self, shown: int, images: int) -> None:
        """Move towards the weights as they are after a round of `shown` images, `images` in all."""
        decay = 0.5 ** (shown / min(self.halflife, max(self.ramp * images, 1.0)))
        real = [key for key, t in self.live.items() if t.is_floating_point()]
        torch._foreach_lerp_([self.mean[key] for key in real], [self.live[key] for key in real], 1 - decay)
        for key in self.live.keys() - set(real):
            self.mean[key].copy_(self.live[key])

    @contextmanager
    def worn(self) -> Iterator[None]:
        """The game plays with the averaged weights in here, and gets its own back, the very same storage."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def swap(self) -> None:
        for key, live in self.live.items():
            live.data, self.mean[key] = self.mean[key], live.data


@contextmanager
def resting(game: Game[Any]) -> Iterator[None]:
    """Evaluation mode without gradients, and every module's own mode back afterwards."""
    modes = {module: module.training for module in game.modules()}
    game.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode
