"""A player's gradients in one flat piece of memory, kept from round to round, which processes average in place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from .pieces import Piece
from .shard import rank_and_size

CHUNK_BYTES = 25 * 2**20  # of gradients that are sent while the rest is still worked out


class Bucket:
    """What one player sends. Each gradient is copied into it once, in the order in which it lies, and lives there until
    the step; before, it was copied three times, through memory that was new in each round.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], chunk_bytes: int = CHUNK_BYTES) -> None:
        self.pieces = [p for p in parameters if isinstance(p, Piece)]  # whose slopes are summed up already
        # about as a backward pass comes to them
        self.parameters = [p for p in reversed(parameters) if not isinstance(p, Piece)]
        self.chunk_bytes = chunk_bytes
        self.flat: dict[torch.dtype, Tensor] = {}  # made when there is something to send
        self.views: dict[nn.Parameter, Tensor] = {}
        self.chunks: list[Chunk] = []
        self.sent: list[Any] = []  # of the chunks, from the first on

    def average(self) -> list[Tensor]:
        """The parameters' gradients are the mean over all processes; returns those that there are.

        One exchange for all of one type, where nothing was sent ahead. Every process must have the same ones.
        """
        own = [p for p in self.parameters if p.grad is not None]
        world = rank_and_size()[1]
        if world > 1 and own:
            self.send(own)
            for work in self.sent:
                work.wait()
            self.sent = []
            for flat in {p.dtype: self.flat[p.dtype] for p in own}.values():
                flat.div_(world)
            for p in own:
                p.grad = self.views[p]
        return [p.grad for p in reversed(own) if p.grad is not None]

    def average_pieces(self) -> list[Tensor]:
        """The same of what is divided among the processes: gathering's own derivative has summed its slopes."""
        slopes = [p.grad for p in self.pieces if p.grad is not None]
        if slopes:
            torch._foreach_div_(slopes, rank_and_size()[1])
        return slopes

    def send(self, own: list[nn.Parameter]) -> None:
        """Exchange what was not sent ahead."""
        self.lay_out()
        if self.sent:
            first = len(self.sent)
            self.copy([p for chunk in self.chunks[first:] for p in chunk.parameters if p.grad is not None])
            self.sent += [dist.all_reduce(chunk.flat, async_op=True) for chunk in self.chunks[first:]]
            return
        self.copy(own)
        for dtype in dict.fromkeys(p.dtype for p in own):
            dist.all_reduce(self.flat[dtype])

    def copy(self, own: list[nn.Parameter]) -> None:
        """A parameter without a gradient keeps what lies there, which nobody reads."""
        if not own:
            return
        with torch.no_grad():
            torch._foreach_copy_([self.views[p] for p in own], [p.grad for p in own if p.grad is not None])

    def lay_out(self) -> None:
        """Once: where each gradient lies, and what is sent together."""
        if self.views:
            return
        for dtype in dict.fromkeys(p.dtype for p in self.parameters):
            own = [p for p in self.parameters if p.dtype == dtype]
            flat = torch.zeros(sum(p.numel() for p in own), dtype=dtype, device=own[0].device)
            self.flat[dtype], place = flat, 0
            chunk = Chunk()
            for p in own:
                self.views[p] = lying_as(flat[place : place + p.numel()], p)
                chunk.add(p, flat, place)
                place += p.numel()
                if chunk.flat.nbytes >= self.chunk_bytes:
                    self.chunks.append(chunk)
                    chunk = Chunk()
            self.chunks += [chunk] * bool(chunk.parameters)

    @contextmanager
    def sending_ahead(self) -> Iterator[None]:
        """Around the only backward pass of a step: each chunk is sent as soon as all of its gradients are there.

        All processes send them in the same order, since all have the same graph and one chunk waits for those before.
        """
        self.lay_out()
        missing = [len(chunk.parameters) for chunk in self.chunks]
        place = {p: i for i, chunk in enumerate(self.chunks) for p in chunk.parameters}

        def ready(p: Tensor) -> None:
            missing[place[p]] -= 1  # type: ignore[index]
            while len(self.sent) < len(self.chunks) and missing[len(self.sent)] == 0:
                chunk = self.chunks[len(self.sent)]
                self.copy(chunk.parameters)
                self.sent.append(dist.all_reduce(chunk.flat, async_op=True))

        hooks = [p.register_post_accumulate_grad_hook(ready) for p in self.parameters]  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def pays_ahead(self) -> bool:
        """Is sending ahead worth it? On a GPU, where it takes no processor's time, and with more than one chunk."""
        nbytes = sum(p.numel() * p.element_size() for p in self.parameters)
        return nbytes > self.chunk_bytes and self.parameters[0].is_cuda


class Chunk:
    """Neighbours in a bucket."""

    def __init__(self) -> None:
        self.parameters: list[nn.Parameter] = []
        self.flat = torch.empty(0)

    def add(self, p: nn.Parameter, flat: Tensor, place: int) -> None:
        begin = place - self.flat.numel() if self.parameters else place
        self.parameters.append(p)
        self.flat = flat[begin : place + p.numel()]


def lying_as(flat: Tensor, p: Tensor) -> Tensor:
    """A piece of flat memory in the shape and with the strides of a tensor: nothing is turned in copying it."""
    order = sorted(range(p.ndim), key=p.stride, reverse=True)
    turned = flat.view([p.shape[i] for i in order])
    return turned.permute([order.index(i) for i in range(p.ndim)])
