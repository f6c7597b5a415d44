"""Standing statistics: batch normalisation's averages become those of one batch of samples, however large."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..devices import wide
from ..errors import require
from .loaded import LoadedGame


class Reached(Exception):
    """A pass of samples has come as far as it is needed."""


class ChannelMoments:
    """Means and variances (width,) of all that comes to a layer (n, width, ...), in double precision."""

    def __init__(self) -> None:
        self.count, self.mean, self.spread = 0, torch.zeros(()), torch.zeros(())

    def add(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        x = wide(inputs[0]).transpose(0, 1).flatten(1)
        mean, count = x.mean(1), x.shape[1]
        step, whole = mean - self.mean, self.count + count
        self.spread = self.spread + (x - mean[:, None]).square().sum(1) + step.square() * self.count * count / whole
        self.mean, self.count = self.mean + step * count / whole, whole
        raise Reached


def take_standing_statistics(loaded: LoadedGame, samples: int, **style: Any) -> None:
    """Let a loaded game normalise as if it made so many samples at once in training mode, those of seed 0.

    Layer after layer, each behind those that have their statistics already: so it takes as many passes as there are
    layers, little memory, and what comes out is the same however few are made at a time. Mistake for a game that makes
    no samples by chance, or none through batch normalisation.
    """
    require(samples > 1, f"standing is {samples}, but statistics are of 2 samples or more; 16384 is usual")
    require(loaded.makes_by_chance, "this run makes no samples by chance alone, of which "
                                    "statistics could be taken; leave standing out")  # fmt: skip
    layers = layers_passed(loaded, **style)
    require(bool(layers), "no sample of this run passes batch normalisation, so there are no statistics to take; "
                          "leave standing out")  # fmt: skip
    for layer in layers:
        moments = ChannelMoments()
        hook = layer.register_forward_pre_hook(moments.add)
        try:
            for place in range(0, samples, loaded.rows):
                with suppress(Reached):
                    loaded.sample_chunk(0, place, min(loaded.rows, samples - place), **style)
        finally:
            hook.remove()
        assert layer.running_mean is not None and layer.running_var is not None
        layer.running_mean.copy_(moments.mean)
        layer.running_var.copy_(moments.spread / moments.count)  # by which a batch is divided, not its estimate


def layers_passed(loaded: LoadedGame, **style: Any) -> list[_BatchNorm]:
    """The layers of batch normalisation that keep statistics, in the order in which samples pass them."""
    passed: dict[_BatchNorm, None] = {}
    norms = [layer for layer in loaded.game.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats]
    hooks = [layer.register_forward_pre_hook(lambda layer, inputs: passed.setdefault(layer)) for layer in norms]
    try:
        loaded.sample_chunk(0, 0, 1, **style)
    finally:
        for hook in hooks:
            hook.remove()
    return list(passed)
