"""Making the same samples, or judging them, a second time instead of keeping the first time's graph."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from ..devices import chance_state, is_gpu, set_chance_state
from .shard import CURRENT_SHARD


class Chance:
    """What is drawn from here on: it can be drawn once more, as often as one likes."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.dice = device, CURRENT_SHARD.get().rng
        self.then = self.states()

    def drawn(self) -> bool:
        """Was anything drawn since?"""
        return any(not torch.equal(a, b) for a, b in zip(self.then, self.states(), strict=True))

    @contextmanager
    def again(self) -> Iterator[None]:
        """In here it is drawn as it was; then chance is where it was before."""
        now = self.states()
        self.put(self.then)
        try:
            yield
        finally:
            self.put(now)

    def states(self) -> tuple[torch.Tensor, ...]:
        """The states of what draws latents and of what networks draw from themselves."""
        return (torch.get_rng_state(), *chance_state(self.device), *((self.dice.get_state(),) if self.dice else ()))

    def put(self, states: tuple[torch.Tensor, ...]) -> None:
        torch.set_rng_state(states[0])
        if is_gpu(self.device):
            set_chance_state(self.device, states[1])
        if self.dice:
            self.dice.set_state(states[-1])


class Replay:
    """Where chance and the buffers of a network stand now, so that in `again` it does once more what it does next.

    A part of a batch that waits for the others at a turn would keep its graph all that time, and so would they all.
    """

    def __init__(self, network: nn.Module) -> None:
        self.network, self.chance = network, Chance(next(network.parameters()).device)
        self.buffers = copy_buffers(network)
        self.writes = count_writes(network)

    def is_untouched(self) -> bool:
        """Was nothing drawn since, and nothing written into the buffers?"""
        return not self.chance.drawn() and self.writes == count_writes(self.network)

    @contextmanager
    def again(self) -> Iterator[None]:
        """Everything stands as it did; chance comes back to where it is now, and buffers to what this pass makes."""
        restore_buffers(self.network, self.buffers)
        with self.chance.again():
            yield


@contextmanager
def kept_buffers(network: nn.Module) -> Iterator[None]:
    """Whatever passes in here write into a network, such as a batch's share of running statistics, is undone."""
    before = copy_buffers(network)
    try:
        yield
    finally:
        restore_buffers(network, before)


def copy_buffers(network: nn.Module) -> list[torch.Tensor]:
    return [b.detach().clone() for b in network.buffers()]


def count_writes(network: nn.Module) -> list[int]:
    """How often each buffer was written to, which is known without waiting for a device."""
    return [b._version for b in network.buffers()]


def restore_buffers(network: nn.Module, before: list[torch.Tensor]) -> None:
    for b, then in zip(network.buffers(), before, strict=True):
        b.data.copy_(then)  # .data: a graph that was made with it has no use for its value
