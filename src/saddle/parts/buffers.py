"""What passes write into the buffers of networks: running means, spectral vectors. A batch in parts writes it once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..core import Memory


class SharedBuffers:
    """Of networks, not of memories, which learn by Agree.

    From one turn to the next each part begins where the first one began, and what stays is the mean of what they came
    to. So a power method makes as many steps as for one part, and every part sees them all.
    """

    def __init__(self, game: nn.Module) -> None:
        networks = [child for child in game.children() if not isinstance(child, Memory)]
        self.own = list(dict.fromkeys(b for network in networks for b in network.buffers()))
        self.start: list[Tensor] = []
        self.mean: list[Tensor] = []

    @contextmanager
    def use_shard_buffers(self, i: int, parts: int) -> Iterator[None]:
        """Around what part `i` of so many does until its next turn."""
        if parts == 1:
            yield
            return
        if i == 0:
            self.start = [b.clone() for b in self.own]
        self.put(self.start)
        yield
        if i == 0:
            self.mean = [b.clone() for b in self.own]
        for mean, b in zip(self.mean, self.own, strict=True):
            if mean.is_floating_point():
                mean.lerp_(b, 1 / (i + 1))  # of equal values to the bit
        if i + 1 == parts:
            self.put([mean if mean.is_floating_point() else b for mean, b in zip(self.mean, self.own, strict=True)])

    def put(self, values: list[Tensor]) -> None:
        with torch.no_grad():
            for b, value in zip(self.own, values, strict=True):
                b.data.copy_(value)  # .data: graphs that wait were made in training and have no use for its value
