"""What a game draws for itself while it makes samples, noise inputs or dropout that is kept on: each row its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ..errors import Mistake
from ..parts import Shard, UnmixableRows, use_shard
from ..training.engine import derive_seed
from ..training.rows import MAX_ROWS

Fill = Callable[[Tensor, torch.Generator, int | None], object]  # a row, what it is drawn from, which one it is
aten = torch.ops.aten
NORMAL, UNIFORM = (aten.randn, aten.randn_like), (aten.rand, aten.rand_like)


class RowsDraw(TorchDispatchMode):
    """Whatever is drawn in here without a generator comes from the seed and each row's index alone.

    Torch's own generators are neither read nor moved, and other threads are as they were. What has not one row for each
    sample is the same for all samples of the seed. Raises Mistake for what torch draws in a way that cannot be told.
    """

    def __init__(self, device: torch.device, seed: int, first: int, n: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.device, self.seed, self.first, self.n = device, seed, first, n

    @cached_property
    def rows(self) -> list[torch.Generator]:
        return [self.dice(self.first + i, 1) for i in range(self.n)]

    @cached_property
    def shared(self) -> torch.Generator:
        return self.dice(0, 2)

    def dice(self, *words: int) -> torch.Generator:
        return torch.Generator(self.device).manual_seed(derive_seed(self.seed, *words))

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        given = dict(kwargs or {})
        if torch.Tag.nondeterministic_seeded not in op.tags or given.get("generator") is not None:
            return op(*args, **given)
        if drops_nothing(op, args, given):
            return op(*args, **given)
        return self.drawn(op, args, {key: value for key, value in given.items() if key != "generator"})

    def drawn(self, op: Any, args: Any, given: dict[str, Any]) -> Any:
        packet = op.overloadpacket
        if packet in NORMAL + UNIFORM:
            made = (torch.empty_like if isinstance(args[0], Tensor) else torch.empty)(args[0], **given)
            return self.each(made, lambda row, dice, i: (row.normal_ if packet in NORMAL else row.uniform_)(
                generator=dice))  # fmt: skip
        if packet is aten.randint:
            made = torch.empty(args[-1], **{"dtype": torch.int64} | given)
            return self.each(made, lambda row, dice, i: row.random_(*args[:-1], generator=dice))
        if packet is aten.native_dropout:
            x, p, _ = args
            kept = self.each(torch.empty_like(x), lambda row, dice, i: row.bernoulli_(1 - p, generator=dice))
            return x * kept / (1 - p if p < 1 else 1), kept.bool()
        if op._schema.is_mutable and isinstance(args[0], Tensor):  # normal_, uniform_, bernoulli_, random_ ...
            return self.each(args[0], lambda row, dice, i: op(row, *(self.of(a, i) for a in args[1:]), **given,
                                                             generator=dice))  # fmt: skip
        if any(argument.name == "generator" for argument in op._schema.arguments):  # bernoulli, normal, multinomial ...
            if all(self.of(a, 0) is a for a in args):
                return op(*args, **given, generator=self.shared)
            return torch.stack([op(*(self.of(a, i) for a in args), **given, generator=dice)
                                for i, dice in enumerate(self.rows)])  # fmt: skip
        raise Mistake(f"this game draws by {packet} as it makes samples, which cannot be repeated; draw by "
                      "torch.randn, torch.rand or torch.randint")  # fmt: skip

    def each(self, t: Tensor, fill: Fill) -> Tensor:
        """The tensor, each of its rows filled by the generator of that row, or all of it by the one that all share."""
        if t.ndim and t.shape[0] == self.n:
            for i, dice in enumerate(self.rows):
                fill(t[i], dice, i)
        else:
            fill(t, self.shared, None)
        return t

    def of(self, value: Any, i: int | None) -> Any:
        """What row i takes of an argument that has a row for each sample."""
        if i is None or not isinstance(value, Tensor) or not value.ndim or value.shape[0] != self.n:
            return value
        return value[i]


def drops_nothing(op: Any, args: Any, given: Mapping[str, Any]) -> bool:
    """Is it attention of which nothing is dropped? Fused, it would draw for nothing else."""
    names = [argument.name for argument in op._schema.arguments]
    if "dropout_p" not in names:
        return False
    place = names.index("dropout_p")
    return bool((args[place] if len(args) > place else given.get("dropout_p", 0.0)) == 0)


class SharedDraws(RowsDraw):  # type: ignore[no-untyped-call]
    """The same, but all rows draw as the first one does: what differs between images is what they are made of."""

    @cached_property
    def rows(self) -> list[torch.Generator]:
        return [self.dice(self.first, 1) for _ in range(self.n)]


@contextmanager
def own_chance(device: torch.device, seed: int, place: int, n: int) -> Iterator[None]:
    """No gradients in here; the n rows from `place` on, all of one block of 64, draw from the seed and their places."""
    index, inside = divmod(place, MAX_ROWS)
    dice = torch.Generator(device).manual_seed(derive_seed(seed, index))
    own = RowsDraw(device, seed, place, n)
    with torch.no_grad(), use_shard(Shard(rng=dice, first=inside, of=MAX_ROWS)), own:
        yield


class Rows(NamedTuple):
    """n samples of a seed, from a place on, all of one block of 64."""

    seed: int
    place: int
    n: int


class MixedDraws(RowsDraw):  # type: ignore[no-untyped-call]
    """The same for samples of several seeds: each row draws as it does beside others of its seed.

    UnmixableRows for what is drawn once for all samples of a seed.
    """

    def __init__(self, device: torch.device, several: Sequence[Rows]) -> None:
        super().__init__(device, several[0].seed, 0, sum(some.n for some in several))
        self.several = several

    @cached_property
    def rows(self) -> list[torch.Generator]:
        return [torch.Generator(self.device).manual_seed(derive_seed(some.seed, some.place + i, 1))
                for some in self.several for i in range(some.n)]  # fmt: skip

    @cached_property
    def shared(self) -> torch.Generator:
        if len({some.seed for some in self.several}) > 1:
            raise UnmixableRows("a game draws something once for all samples of a seed, and here stand several seeds")
        return self.dice(0, 2)


@contextmanager
def mixed_chance(device: torch.device, several: Sequence[Rows]) -> Iterator[None]:
    """`own_chance` for rows of several seeds and blocks in one pass, one after another."""
    if len(several) == 1:
        with own_chance(device, *several[0]):
            yield
        return
    pieces = []
    for some in several:
        index, inside = divmod(some.place, MAX_ROWS)
        dice = torch.Generator(device).manual_seed(derive_seed(some.seed, index))
        pieces.append((Shard(rng=dice, first=inside, of=MAX_ROWS), some.n))
    with torch.no_grad(), use_shard(Shard(pieces=tuple(pieces))), MixedDraws(device, several):
        yield
