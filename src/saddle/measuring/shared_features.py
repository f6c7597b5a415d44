"""Features that several processes extract: the first reads the images, and each looks at every so-manieth batch."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..metrics.features import Extractor, extract_features
from ..training.machine import find_device, process_rank, world_size
from .helping import ask_helpers


@dataclass(frozen=True)
class FeatureShare:
    """What the other processes do: they look at the batches that come to them, none larger than the first."""

    network: nn.Module
    device: str  # its kind: each process has one of its own
    shape: tuple[int, ...]  # of the first batch

    def __call__(self) -> None:
        device = find_device(self.device)
        network = self.network.to(device)
        while extract_together(network, device, self.shape, ()):  # type: ignore[arg-type]
            pass


def shared_features(network: Extractor, device: torch.device, batches: Iterator[Tensor], count: int) -> Tensor:
    """The features (count, d) of all batches, as one process extracts them: each batch is looked at as a whole."""
    first = next(batches)
    shape, left = tuple(first.shape), chain([first], batches)
    assert isinstance(network, nn.Module)
    ask_helpers(FeatureShare(copy.deepcopy(network).cpu(), device.type, shape))
    found, place = torch.empty(count, network.dimension), 0
    try:
        while group := list(islice(left, world_size())):
            for some in extract_together(network, device, shape, group):
                found[place : place + len(some)] = some
                place += len(some)
    finally:  # also where an image could not be read: the others wait for more
        announce([0] * world_size())
    return found


def extract_together(network: Extractor, device: torch.device, shape: Sequence[int],
                     group: Sequence[Tensor]) -> list[Tensor]:  # fmt: skip
    """The features of a group of batches, one for each process, in the first one; in others not empty if it had any."""
    world, rank = world_size(), process_rank()
    rows = announce([len(group[i]) if i < len(group) else 0 for i in range(world)])
    if not any(rows):
        return []
    mine = torch.zeros(*shape)
    dist.scatter(mine, [padded(group[i], shape) if i < len(group) else torch.zeros(*shape) for i in range(world)]
                 if rank == 0 else None)  # fmt: skip
    seen = torch.zeros(shape[0], network.dimension)
    if rows[rank]:
        seen[: rows[rank]] = extract_features(network, [mine[: rows[rank]].to(device)])
    got = [torch.empty_like(seen) for _ in range(world)] if rank == 0 else None
    dist.gather(seen, got)
    return [some[:n] for some, n in zip(got or [seen] * world, rows, strict=True)]


def announce(rows: list[int]) -> list[int]:
    """How many images come to each process, as the first one says; none to any at the end."""
    counts: Tensor = torch.tensor(rows)
    dist.broadcast(counts, 0)
    return [int(count) for count in counts]


def padded(batch: Tensor, shape: Sequence[int]) -> Tensor:
    whole = torch.zeros(*shape)
    whole[: len(batch)] = batch
    return whole
