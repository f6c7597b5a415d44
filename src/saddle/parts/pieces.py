"""Weights divided among processes: each keeps a flat piece of every large one; they are whole only where they are used.

As in SimpleFSDP (Zhang et al. 2024, arXiv:2411.00284), reading a weight is an operation of the graph: pieces are
gathered, and slopes are summed and scattered. Each is the other's transpose, so derivatives of any order are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import Any, NamedTuple, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn

from ..errors import require
from .shard import rank_and_size

LEAST = 2048  # numbers of a weight that is divided: smaller ones take no memory, and as long to put together

# torch 2.13 has other names for them, and warns of the old ones
GATHER: Callable[..., object] = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
SCATTER: Callable[..., object] = getattr(dist, "reduce_scatter_single", None) or dist.reduce_scatter_tensor


class AllGather(torch.autograd.Function):
    """All processes' pieces (n,), one behind the other."""

    @staticmethod
    def forward(ctx: Any, piece: Tensor) -> Tensor:
        flat = piece.new_empty(dist.get_world_size() * len(piece))
        GATHER(flat, piece.contiguous())
        return flat

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        return cast(Tensor, ReduceScatterSum.apply(slope))  # type: ignore[no-untyped-call]


class ReduceScatterSum(torch.autograd.Function):
    """This process's piece of the sum over processes."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor) -> Tensor:
        piece = flat.new_empty(len(flat) // dist.get_world_size())
        SCATTER(piece, flat.contiguous())
        return piece

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        return cast(Tensor, AllGather.apply(slope))  # type: ignore[no-untyped-call]


class Form(NamedTuple):
    """How a weight is divided: it lies flat, in the order of its memory, filled up with zeros to equal pieces."""

    shape: torch.Size
    order: tuple[int, ...]  # its dimensions, the one with the longest strides first
    world: int

    @property
    def lying(self) -> list[int]:
        """Its shape with the dimensions in that order."""
        return [self.shape[i] for i in self.order]

    @property
    def each(self) -> int:
        """Numbers of a piece."""
        return -(-prod(self.shape) // self.world)

    def cut_own(self, lying: Tensor) -> Tensor:
        """This process's piece of one whose dimensions lie in that order."""
        return self.cut_lying(lying, rank_and_size()[0])

    def cut(self, whole: Tensor, rank: int) -> Tensor:
        """A process's piece of a whole weight."""
        return self.cut_lying(whole.permute(self.order), rank)

    def cut_lying(self, lying: Tensor, rank: int) -> Tensor:
        """The same of one whose dimensions are in that order already, as optimizers have it."""
        own = lying.reshape(-1)[rank * self.each :][: self.each]
        return torch.cat([own, own.new_zeros(self.each - len(own))])

    def join(self, flat: Tensor) -> Tensor:
        """The whole weight, as it lay."""
        return self.join_lying(flat).permute([self.order.index(i) for i in range(len(self.order))])

    def join_lying(self, flat: Tensor) -> Tensor:
        count = prod(self.shape)
        return (flat if len(flat) == count else flat[:count]).view(self.lying)


class Piece(nn.Parameter):
    """A process's piece of a weight; its network reads it as the whole one, under the same name."""

    form: Form

    def view_to_step(self) -> Piece:
        """The same memory, for an optimizer."""
        view = Piece(self.detach())
        view.form = self.form
        return view


def cut_piece(whole: nn.Parameter) -> Piece:
    """This process's piece of a weight that all have alike."""
    rank, world = rank_and_size()
    order = sorted(range(whole.ndim), key=whole.stride, reverse=True)
    form = Form(whole.shape, tuple(order), world)
    piece = Piece(form.cut(whole.detach(), rank), whole.requires_grad)
    piece.form = form
    return piece


def divide_weights(game: nn.Module) -> None:
    """Let this process keep its pieces alone of a game's large weights, which all processes have made alike.

    Names stay as they are. Of recurrent layers of torch's, which keep their weights in a list too, nothing is divided.
    """
    pieces: dict[nn.Parameter, Piece] = {}
    for module in game.modules():
        own = {} if isinstance(module, nn.RNNBase) else module._parameters
        large = {name: p for name, p in own.items() if p is not None and p.numel() >= LEAST and p.is_floating_point()}
        for name, p in large.items():
            if p not in pieces:  # which several modules may share
                pieces[p] = cut_piece(p)
            own[name] = pieces[p]
        if large:
            read_as_whole(module, {name: pieces[p].form for name, p in large.items()})


def read_as_whole(module: nn.Module, forms: dict[str, Form]) -> None:
    """Let a module's pieces be read as whole weights: by a class of its own, as torch's parametrizations have it."""
    kind = type(module)
    read = {name: property(partial(whole_weight, name=name, form=form)) for name, form in forms.items()}
    about = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    module.__class__ = type(kind.__name__, (kind,), about | read)


def whole_weight(module: nn.Module, name: str, form: Form) -> Tensor:
    """A module's weight, put together; or what lies in its place, where somebody has put a whole one there."""
    own = cast(Tensor, module._parameters[name])
    return own if own.shape == form.shape else KEPT.read(own, form)


def put_together(own: Tensor, form: Form) -> Tensor:
    """The whole weight of which all processes have a piece, with a graph where the piece has one."""
    return form.join(cast(Tensor, AllGather.apply(own)))  # type: ignore[no-untyped-call]


def gather_lying(own: Tensor, form: Form) -> Tensor:
    """The same with its dimensions in the order in which they lie, as optimizers see weights."""
    return form.join_lying(cast(Tensor, AllGather.apply(own)))  # type: ignore[no-untyped-call]


class KeptWholes:
    """Whole weights between two steps, so that each is gathered once for all passes whose graphs hold it anyway.

    Not those of passes without a graph, and of blocks that are worked out again: they are let go of at once.
    """

    def __init__(self) -> None:
        self.on = False
        self.wholes: dict[Tensor, Tensor] = {}

    def read(self, own: Tensor, form: Form) -> Tensor:
        learns = torch.is_grad_enabled() and own.requires_grad
        kept = self.wholes.get(own)
        if kept is not None and (kept.requires_grad or not learns):
            return kept if learns else kept.detach()
        whole = put_together(own, form)
        if self.on and torch.is_grad_enabled() and isinstance(own, Piece):
            self.wholes[own] = whole
        return whole


KEPT = KeptWholes()


@contextmanager
def keeping_wholes() -> Iterator[None]:
    """Around a round: whole weights are kept until `forget_wholes`, which is due before any of them changes."""
    KEPT.on = True
    try:
        yield
    finally:
        KEPT.on = False
        forget_wholes()


def forget_wholes() -> None:
    KEPT.wholes.clear()


def whole_weights(player: nn.Module) -> list[Tensor]:
    """What a player learns, each weight whole, with a graph; they are its parameters where nothing is divided."""
    every = ((module, name, p) for module in player.modules() for name, p in module._parameters.items())
    first = {p: (module, name) for module, name, p in reversed([*every]) if p is not None and p.requires_grad}
    return [cast(Tensor, getattr(*first[p])) for p in player.parameters() if p in first]


def held_weights(player: nn.Module) -> list[Tensor]:
    """The same, of those alone that the graphs of this turn hold, by which its losses can be differentiated."""
    own = [p for p in player.parameters() if p.requires_grad]
    held = all(p in KEPT.wholes for p in own if isinstance(p, Piece))
    require(held, "this game differentiates by whole weights, of which --recompute and --shard together keep none; "
                  "leave one of them out")  # fmt: skip
    return [KEPT.wholes.get(p, p) for p in own]


def gradient_norm(gradients: list[Tensor], pieces: list[Tensor]) -> Tensor:
    """Of all of a player's gradients; of some this process has pieces alone, and others the rest."""
    norms = list(torch._foreach_norm(gradients)) if gradients else []
    if pieces:
        squares = torch.stack(torch._foreach_norm(pieces)).square().sum()
        dist.all_reduce(squares)
        norms.append(squares.sqrt())
    norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    return norm


def count_whole(p: Tensor) -> int:
    """Numbers of a parameter, of all processes' pieces."""
    return prod(p.form.shape) if isinstance(p, Piece) else p.numel()
