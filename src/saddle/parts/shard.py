"""Which part of a batch is at play, and what it draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial

import torch
import torch.distributed as dist
from torch import Tensor


class UnmixableRows(RuntimeError):
    """What all rows of a whole share was asked for of rows of several: they can only be played apart."""


@dataclass(frozen=True)
class Shard:
    """Which part of the whole batch is at play: one of several processes, one of several accumulated batches."""

    index: int = 0
    count: int = 1
    rng: torch.Generator | None = None  # in the same state for every part
    processes: int = 1  # that play a part each at the same time
    first: int | None = None  # its first row, where it is no equal part: one of `of` rows of which some are made
    of: int = 0  # rows of the whole, then
    pieces: tuple[tuple[Shard, int], ...] = ()  # parts of several wholes at once, each with its rows: they draw apart

    @property
    def accumulates(self) -> bool:
        """Are further parts played here, one after another, before any of them goes on?"""
        return self.count > self.processes

    def rows(self, n: int) -> tuple[int, int]:
        """Where this part's n rows begin in the whole, and how many that has; pieces of several are in no one whole."""
        if self.pieces:
            raise UnmixableRows("a game asks for the rows of one whole, and here stand rows of several")
        return (self.index * n, self.count * n) if self.first is None else (self.first, self.of)


DRAW_BLOCK = 2**24  # numbers that are drawn at once, if the whole batch takes more: 64 MB
WHOLE_BATCH = Shard()
CURRENT_SHARD: ContextVar[Shard] = ContextVar("part", default=WHOLE_BATCH)
Supply = Callable[[Callable[..., Tensor], Tensor, tuple[int, ...]], Tensor]  # what draws, for whom, the shape of a row
SUPPLIED_DRAWS: ContextVar[Supply | None] = ContextVar("supplied", default=None)
WITHOUT_GROUP: ContextVar[bool] = ContextVar("by_itself", default=False)


@contextmanager
def use_shard(part: Shard) -> Iterator[None]:
    token = CURRENT_SHARD.set(part)
    try:
        yield
    finally:
        CURRENT_SHARD.reset(token)


@contextmanager
def supply_draws(supply: Supply) -> Iterator[None]:
    """What `draw_rows` would draw in here is given by `supply(sampler, like, shape)`, as inputs of a network are."""
    token = SUPPLIED_DRAWS.set(supply)
    try:
        yield
    finally:
        SUPPLIED_DRAWS.reset(token)


@contextmanager
def without_process_group() -> Iterator[None]:
    """What this process plays in here it plays without the others, which may do something else meanwhile."""
    token = WITHOUT_GROUP.set(True)
    try:
        yield
    finally:
        WITHOUT_GROUP.reset(token)


def rank_and_size() -> tuple[int, int]:
    """Which process this is, from 0, of how many that play together."""
    together = dist.is_initialized() and not WITHOUT_GROUP.get()
    return (dist.get_rank(), dist.get_world_size()) if together else (0, 1)


def local_rows(whole: Tensor, like: Tensor) -> Tensor:
    """This part's rows, a view, of something with one row for each sample of the whole batch."""
    n = len(like)
    return whole[CURRENT_SHARD.get().rows(n)[0] :][:n]


def draw_rows(sampler: Callable[..., Tensor], like: Tensor, *shape: int) -> Tensor:
    """This part's rows of what the whole batch draws, (len(like), *shape): `draw(torch.randn, x, 100)`.

    All parts draw it all, in blocks where it is much, and keep their rows: what is kept at once is these and a block.
    """
    if supply := SUPPLIED_DRAWS.get():
        return supply(sampler, like, shape)
    part = CURRENT_SHARD.get()
    if torch.compiler.is_exporting():  # nothing is played there, and `len` would make the number of rows a constant
        return sampler(like.shape[0], *shape, dtype=like.dtype, device=like.device)
    if part.pieces:
        return torch.cat(list(draw_pieces(part, sampler, like, shape)))
    made = partial(sampler, generator=part.rng, dtype=like.dtype, device=like.device)
    each, (row, all_rows) = math.prod(shape), part.rows(len(like))
    if each * all_rows <= DRAW_BLOCK:
        return local_rows(made(all_rows, *shape), like)
    own = each * len(like)
    drawn, first, done = like.new_empty(own), each * row, 0
    for n in draw_block_sizes(each * all_rows):
        block = made(n)
        a, b = max(first, done), min(first + own, done + n)
        if a < b:
            drawn[a - first : b - first] = block[a - done : b - done]
        done += n
    return drawn.view(len(like), *shape)


def draw_pieces(part: Shard, sampler: Callable[..., Tensor], like: Tensor, shape: tuple[int, ...]) -> Iterator[Tensor]:
    """What each piece draws for its rows, as if it were alone."""
    if sum(rows for _, rows in part.pieces) != len(like):
        raise UnmixableRows("a game draws for other rows than those that it was asked for")
    place = 0
    for piece, rows in part.pieces:
        with use_shard(piece):
            yield draw_rows(sampler, like[place : place + rows], *shape)
        place += rows


def draw_block_sizes(numbers: int) -> Iterator[int]:
    """So many numbers are drawn in these blocks; the last may be a little longer.

    On a processor they are the numbers of one draw: torch makes normals by sixteen, and the last sixteen anew, so no
    block has fewer. On a GPU they are others than one draw's, but the same for any number of parts.
    """
    while numbers >= DRAW_BLOCK + 16:
        yield DRAW_BLOCK
        numbers -= DRAW_BLOCK
    yield numbers


def global_size(like: Tensor) -> int:
    """How many rows the whole batch has."""
    return CURRENT_SHARD.get().rows(len(like))[1]
