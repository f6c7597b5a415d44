"""Samples that are measured by several processes: each makes a share of them, and the first gets all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ..data.dataset import Dataset, class_names
from ..data.held_out import label_counts
from ..devices import fork_chance
from ..inference.load import load
from ..inference.loaded import LoadedGame
from ..notices import notify_nobody
from ..training.ema import eval_mode
from ..training.machine import all_reduce_max, process_rank, world_size
from ..training.match import Match
from ..training.signals import LEFT_ON, WorkAbandoned
from .helping import LEADS, ask_helpers
from .makers import GeneratorHandle, SampleMaker, sample_maker


class SampleHelper:
    """What the other processes do while the first one measures: they make their share of its samples."""

    def __init__(self, name: str, data: Dataset, samples: int) -> None:
        self.name, self.data, self.samples = name, data, samples

    def __call__(self, match: Match[Any]) -> list[Any]:
        """No figures: only the first process has some."""
        with as_measured(match):
            maker = sample_maker(self.name, as_loaded(match, self.data), self.data, notify_nobody)
            if can_share(maker):
                with shared_chunks(maker.loaded, self.samples, 0) as chunks:
                    assert not list(chunks), "the first process has them"
        return []


@dataclass(frozen=True)
class SampleShare:
    """What the other processes do where a run is measured that was trained before."""

    run: str
    how: dict[str, Any]  # it is loaded
    n: int
    seed: int

    def __call__(self) -> None:
        with shared_chunks(load(self.run, **self.how), self.n, self.seed) as chunks:
            assert not list(chunks), "the first process has them"


def samples_by_all(maker: SampleMaker, n: int, seed: int, run: str, **how: Any) -> Dataset:
    """The samples of a run that was loaded so: made by all processes, where others help this one."""
    if not (LEADS.get() and isinstance(maker, GeneratorHandle) and can_share(maker)):
        return maker.samples(n, seed)
    ask_helpers(SampleShare(run, how, n, seed))
    with shared_chunks(maker.loaded, n, seed) as chunks:
        return maker.samples(n, seed, chunks)


def can_share(maker: SampleMaker) -> bool:
    """Are its samples made of chance alone, and pictures or points? What is made of data the first process makes."""
    return world_size() > 1 and isinstance(maker, GeneratorHandle) and maker.loaded.shape.text is None


@contextmanager
def as_measured(match: Match[Any]) -> Iterator[None]:
    """The match's game as figures see it: with its averaged weights, if there are any; nothing of the match changes."""
    worn = match.ema.applied() if match.ema else nullcontext()
    with fork_chance(match.machine.device), eval_mode(match.game), worn:
        torch.manual_seed(0)
        yield


def as_loaded(match: Match[Any], data: Dataset) -> LoadedGame:
    rows = max(1, match.stage.batch // match.options.accumulate)
    return LoadedGame(match.game, match.shape, class_names(data), match.machine.device, label_counts(data), match.clock,
                      "averaged" if match.ema else "last", rows, match.batch_type)  # fmt: skip


@contextmanager
def shared_chunks(loaded: LoadedGame, n: int, seed: int) -> Iterator[Iterator[Tensor]]:
    """`loaded.sample_chunks(n, seed)`, to the bit, of which each process makes every so-manieth; the first gets all.

    Who leaves this context before their end has the rest made all the same, for the others do not know. Asked to stop,
    all leave it at once.
    """
    places = iter(range(0, n, world_size() * loaded.rows))

    def made() -> Iterator[Tensor]:
        for place in places:
            if all_reduce_max(is_asked_to_stop())[0]:
                list(places)
                raise WorkAbandoned
            yield from gather_chunks(loaded, n, seed, place)

    try:
        yield made()
    finally:
        for place in places:
            all_reduce_max(0)
            gather_chunks(loaded, n, seed, place)


def gather_chunks(loaded: LoadedGame, n: int, seed: int, place: int) -> list[Tensor]:
    """As many chunks as there are processes, from a place on: fewer at the end, and none but in the first process."""
    world, rank = world_size(), process_rank()
    rows = [max(0, min(loaded.rows, n - place - i * loaded.rows)) for i in range(world)]
    sent = torch.zeros(loaded.rows, *loaded.shape[:3])
    if rows[rank]:
        token = LEFT_ON.set(None)  # all leave together, or nobody
        try:
            sent[: rows[rank]] = loaded.sample_chunk(seed, place + rank * loaded.rows, rows[rank])
        finally:
            LEFT_ON.reset(token)
    got = [torch.empty_like(sent) for _ in range(world)] if rank == 0 else None
    dist.gather(sent, got)
    return [chunk[:some] for chunk, some in zip(got or (), rows, strict=False) if some]


def is_asked_to_stop() -> int:
    signals = LEFT_ON.get()
    return signals.number if signals else 0
