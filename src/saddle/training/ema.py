"""The averaged generator that samples are taken from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from ..averaging import Averaging, HalfLife
from ..clock import Clock
from ..core import Game
from ..errors import require


class EMA:
    """An exponential moving average of a game's makers: of all real numbers that their `state_dict` holds.

    Batch-norm statistics are averaged with the weights that they belong to; whole numbers are copied. What is in no
    state dict, such as the taps of a filter, is no state: a game built anew has it already.
    """

    def __init__(self, game: Game[Any], how: Averaging = HalfLife()) -> None:
        self.game, self.how = game, how
        self.live = averaged_tensors(game)
        self.mean = {key: t.detach().clone() for key, t in self.live.items()}

    @torch.no_grad()
    def update(self, shown: int, clock: Clock) -> None:
        """Move towards the weights as they are after a round of `shown` images, the clock's images in all."""
        decay = self.how.decay(shown, clock)
        real = [key for key, t in self.live.items() if t.is_floating_point()]
        if real:
            torch._foreach_lerp_([self.mean[key] for key in real], [self.live[key] for key in real], 1 - decay)
        for key in self.live.keys() - set(real):
            self.mean[key].copy_(self.live[key])

    def restore(self, mean: Mapping[str, Tensor]) -> None:
        """Take up an average that was saved; what it holds beside the state is not read, as early runs saved that too.

        Raises Mistake where something is missing.
        """
        for key, own in self.mean.items():
            own.copy_(require_averaged(mean, key))

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The game plays with the averaged weights in here, and gets its own back, the very same storage."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    def swap(self) -> None:
        for key, live in self.live.items():
            live.data, self.mean[key] = self.mean[key], live.data


def averaged_tensors(game: Game[Any]) -> dict[str, Tensor]:
    """What is averaged of a game, each tensor once, by its name in the game's state dict."""
    own, kind = dict(game.named_modules()), type(game).__name__
    for name in game.makers:
        require(name in own, f"{kind} has no part {name} to average; name in its makers the parts that make or find "
                "what is asked of it, such as makers = ('encoder', 'decoder'), or () to average none")  # fmt: skip
    makers = [(name, own[name]) for name in game.makers]
    return {
        f"{name}.{key}": t
        for name, maker in makers
        for kept in [maker.state_dict(keep_vars=True)]
        for key, t in (*maker.named_parameters(), *maker.named_buffers())
        if key in kept
    }


@torch.no_grad()
def load_averaged_weights(game: Game[Any], mean: Mapping[str, Tensor]) -> None:
    """Give a game averaged weights for good; Mistake where some are missing."""
    for key, live in averaged_tensors(game).items():
        live.copy_(require_averaged(mean, key))


def require_averaged(mean: Mapping[str, Tensor], key: str) -> Tensor:
    require(key in mean, f"the average that was saved has no {key}, so it is of other networks")
    return mean[key]


@contextmanager
def eval_mode(game: Game[Any]) -> Iterator[None]:
    """Evaluation mode, and every module's own mode back afterwards."""
    modes = {module: module.training for module in game.modules()}
    game.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def eval_no_grad(game: Game[Any]) -> Iterator[None]:
    """Evaluation mode without gradients, and every module's own mode back afterwards."""
    with eval_mode(game), torch.no_grad():
        yield
