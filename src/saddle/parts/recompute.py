"""Blocks of networks that keep what comes in alone, and work out the rest again where a slope is asked for.

Torch's own (`torch.utils.checkpoint`) keeps all of it once slopes are differentiated, as for R1 and path lengths. Here
the slopes of a block are a function of what comes in that keeps no more than that either, and so are their slopes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils._pytree import tree_flatten, tree_unflatten

from ..devices import has_mps
from ..errors import require
from .pieces import count_whole
from .replay import Chance
from .shard import CURRENT_SHARD, use_shard

Slope = Tensor | None
REPEATING = threading.local()  # slopes of a GPU are worked out in a thread of its own


class Repeatable(Protocol):
    """A function of tensors: some of its values may be nothing."""

    def first(self, *given: Slope) -> tuple[Slope, ...]: ...
    def again(self, *given: Slope) -> tuple[Slope, ...]: ...


class Recomputed(torch.autograd.Function):
    """The values of a function of which nothing is kept but what it was given."""

    @staticmethod
    def forward(ctx: Any, function: Repeatable, *given: Slope) -> tuple[Slope, ...]:
        ctx.function, ctx.places = function, [i for i, t in enumerate(given) if t is not None]
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*given)
        return function.first(*given)

    @staticmethod
    def backward(ctx: Any, *slopes: Slope) -> tuple[Slope | None, ...]:
        given: tuple[Slope, ...] = ctx.saved_tensors
        edges = zip(ctx.places, ctx.next_functions, strict=True)
        asked = [i for i, (node, _) in edges if node is not None and torch._C._will_engine_execute_node(node)]
        derive = Slopes(ctx.function, asked, len(given))
        both = (*given, *slopes)
        found = apply(derive, *both) if torch.is_grad_enabled() else derive.again(*both)
        known = dict(zip(asked, found, strict=True))
        return (None, *(known.get(i) for i in range(len(given))))


def apply(function: Repeatable, *given: Slope) -> tuple[Slope, ...]:
    """Its values. What is given has a node of the graph each, so that a backward pass knows who is asked for."""
    nodes = (t.view_as(t) if t is not None and t.requires_grad else t for t in given)
    return cast("tuple[Slope, ...]", Recomputed.apply(function, *nodes))  # type: ignore[no-untyped-call]


class Slopes:
    """The slopes of a function by what is asked for, as a function of what it is given and of its values' slopes."""

    def __init__(self, function: Repeatable, asked: list[int], count: int) -> None:
        self.function, self.asked, self.count, self.around = function, asked, count, Surroundings()

    def first(self, *both: Slope) -> tuple[Slope, ...]:
        return self.again(*both)

    def again(self, *both: Slope) -> tuple[Slope, ...]:
        further = torch.is_grad_enabled()  # are these slopes differentiated too?
        given, slopes = list(both[: self.count]), both[self.count :]
        if not further:
            given = [None if t is None else t.detach() for t in given]
        with torch.enable_grad(), self.around.entered():
            for i in self.asked:
                t = cast(Tensor, given[i])
                given[i] = t.view_as(t) if t.requires_grad else t.detach().requires_grad_()
            made = zip(self.function.again(*given), slopes, strict=True)
            told = [(t, slope) for t, slope in made if t is not None and slope is not None and t.requires_grad]
            if not told:
                return (None,) * len(self.asked)
            values, own = zip(*told, strict=True)
            by = [cast(Tensor, given[i]) for i in self.asked]
            return torch.autograd.grad(values, by, own, create_graph=further, allow_unused=True)


class Surroundings:
    """What a pass is made in, beside chance: the part of the batch that is at play, and reduced precision."""

    def __init__(self) -> None:
        self.shard = CURRENT_SHARD.get()
        kinds = ("cpu", *(["cuda"] if torch.cuda.is_available() else []), *(["mps"] if has_mps() else []))
        self.casts = [(kind, torch.get_autocast_dtype(kind), torch.is_autocast_enabled(kind)) for kind in kinds]

    @contextmanager
    def entered(self) -> Iterator[None]:
        with ExitStack() as all_of_it:
            all_of_it.enter_context(use_shard(self.shard))
            for cast_to in self.casts:  # weights cast here are of this pass alone
                all_of_it.enter_context(torch.autocast(*cast_to, cache_enabled=False))
            yield


class BlockPass:
    """A pass of a block that can be made again: of the same inputs, with parameters, buffers and chance as they were.

    Its function takes the parameters first, then the tensors among the arguments. Buffers are written to by the first
    pass alone.
    """

    def __init__(self, block: nn.Module, *args: Any, **options: Any) -> None:
        self.block, self.around = block, Surroundings()
        self.names, own = zip(*block.named_parameters(), strict=True)
        self.values, self.form = tree_flatten((args, options))
        self.places = [i for i, value in enumerate(self.values) if isinstance(value, Tensor)]
        self.given: tuple[Tensor, ...] = (*own, *(self.values[i] for i in self.places))
        for i in self.places:
            self.values[i] = None
        self.buffers = {name: b.detach().clone() for name, b in block.named_buffers()}
        self.chance: Chance | None = Chance(own[0].device)

    def first(self, *given: Slope) -> tuple[Slope, ...]:
        before = [t._version for t in self.given]
        args, options = self.arguments(given)
        made = type(self.block).forward(self.block, *args, **options)
        name = type(self.block).__name__
        require(before == [t._version for t in self.given], f"{name} writes into what it is given, so that it cannot "
                "be worked out again; leave --recompute out")  # fmt: skip
        require(isinstance(made, Tensor), f"{name} makes {type(made).__name__}, and only a block that makes one tensor "
                "can be worked out again; leave --recompute out")  # fmt: skip
        if self.chance and not self.chance.drawn():
            self.chance = None
        self.given = ()
        return (made,)

    def again(self, *given: Slope) -> tuple[Slope, ...]:
        args, options = self.arguments(given)
        tensors = dict(zip(self.names, given, strict=False)) | {name: b.clone() for name, b in self.buffers.items()}
        REPEATING.on = True
        try:
            with self.around.entered(), self.chance.again() if self.chance else nullcontext():
                return (functional_call(self.block, tensors, args, options),)
        finally:
            REPEATING.on = False

    def arguments(self, given: tuple[Slope, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        values = list(self.values)
        for i, t in zip(self.places, given[len(self.names) :], strict=True):
            values[i] = t
        return cast("tuple[tuple[Any, ...], dict[str, Any]]", tree_unflatten(values, self.form))


def recomputed_forward(block: nn.Module, *args: Any, **options: Any) -> Any:
    """What the block makes, as ever; of a pass with a graph only what came in is kept."""
    if torch.is_grad_enabled() and not getattr(REPEATING, "on", False):
        made = BlockPass(block, *args, **options)
        if any(t.requires_grad for t in made.given):
            return apply(made, *made.given)[0]
    return type(block).forward(block, *args, **options)


def recompute_blocks(game: nn.Module) -> None:
    """Let each network of a game work out its blocks again; names, weights and what is made stay as they are."""
    for network in game.children():
        for block in find_blocks(network):
            block.forward = partial(recomputed_forward, block)


def has_blocks(game: nn.Module) -> bool:
    """Has one of its networks a block?"""
    return any(find_blocks(network) for network in game.children())


def check_has_blocks(game: nn.Module) -> None:
    """Refuse a game none of whose networks has a block."""
    require(has_blocks(game), "--recompute works out blocks of several layers again, and these networks have none; "
            "leave --recompute out, and give --accumulate 2 for less memory")  # fmt: skip


def find_blocks(network: nn.Module) -> list[nn.Module]:
    """Members of its sequences and lists that are of several layers, but of no more than half of its parameters."""
    return list(walk_blocks(network, count_parameters(network) / 2, member=False))


def walk_blocks(module: nn.Module, most: float, member: bool) -> Iterator[nn.Module]:
    if member and is_composite(module) and 0 < count_parameters(module) <= most and not is_taken(module):
        yield module
        return
    for child in module.children():
        yield from walk_blocks(child, most, isinstance(module, nn.Sequential | nn.ModuleList))


def is_taken(module: nn.Module) -> bool:
    """Has somebody else given it a forward pass of its own?"""
    own = vars(module).get("forward")
    return own is not None and getattr(own, "func", None) is not recomputed_forward


def is_composite(module: nn.Module) -> bool:
    """Is it made of two layers or more, and can it be called?"""
    leaves = [m for m in module.modules() if not any(True for _ in m.children())]
    return len(leaves) > 1 and not isinstance(module, nn.ModuleList | nn.ModuleDict)


def count_parameters(module: nn.Module) -> int:
    return sum(count_whole(p) for p in module.parameters())
