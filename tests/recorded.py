"""A stand-in for CUDA graphs on a processor: what a round does is written down operation by operation, and done again.

No Python of the round runs in a replay. So whatever a round took from Python stays as it was in the recording, as in a
graph, and a replay that gives the plain round's bits proves that it took nothing that changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

T = TypeVar("T")
WAITS = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)
CHECKS = ("aten::_linalg_check_errors", "aten::equal", "aten::is_nonzero")  # the result is looked at by the program
BROUGHT = (torch.tensor, torch.as_tensor, torch.asarray, torch.from_numpy, Tensor.new_tensor)  # out of Python's numbers


class Waits(RuntimeError):
    """A round waits for the device, or brings numbers over."""


class Watched(TorchDispatchMode):
    """Refuses, as a capture does, what cannot be in a graph."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name
        counts = any(tag in func.tags for tag in WAITS) and not name.startswith("aten::index")
        if counts or name in CHECKS:
            raise Waits(f"{name} waits for the device")
        if name.startswith("aten::index") and any(has_masks(one) for one in args[1:]):
            raise Waits(f"{name} waits for the device to count a mask")
        return func(*args, **(kwargs or {}))


def has_masks(indices: Any) -> bool:
    return isinstance(indices, list | tuple) and any(isinstance(t, Tensor) and t.dtype == torch.bool for t in indices)


class OnDevice(TorchFunctionMode):
    """Refuses tensors made of what is on the host, which a GPU would wait for."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in BROUGHT and not isinstance(args[-1], Tensor):
            raise Waits(f"{func.__name__} brings numbers to the device")
        return func(*args, **(kwargs or {}))


class Tape(Watched):
    """Every operation with what it was given, and where its result lies."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[tuple[Any, Any, Any, list[Tensor]]] = []
        self.made: set[int] = set()  # where the results lie
        self.before: dict[int, tuple[Any, Any]] = {}  # what else was written to, and what stood there

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        writes = func._schema.is_mutable or "norm" in func._schema.name  # batch_norm's running means are unmarked
        if writes:
            self.remember((args, kwargs))
        given = {t.untyped_storage().data_ptr() for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
        made = super().__torch_dispatch__(func, types, args, kwargs)
        fresh = [t for t in tree_leaves(made) if isinstance(t, Tensor)]
        fresh = [t.detach() for t in fresh if t.untyped_storage().data_ptr() not in given]
        self.made |= {t.untyped_storage().data_ptr() for t in fresh}
        if fresh or writes:
            args, kwargs = tree_map(detached, (args, kwargs or {}))
            self.steps.append((func, args, kwargs, fresh))
        return made

    def remember(self, given: Any) -> None:
        for t in tree_leaves(given):
            if (
                isinstance(t, Tensor)
                and (place := t.untyped_storage().data_ptr()) not in self.made | self.before.keys()
            ):
                self.before[place] = t.untyped_storage(), t.untyped_storage().clone()

    def undo(self) -> None:
        """Nothing was played, as in a capture."""
        for storage, then in self.before.values():
            storage.copy_(then)

    @torch.no_grad()
    def play(self) -> None:
        for func, args, kwargs, fresh in self.steps:
            given = {t.untyped_storage().data_ptr() for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
            made = [t for t in tree_leaves(func(*args, **kwargs)) if isinstance(t, Tensor)]
            made = [t for t in made if t.untyped_storage().data_ptr() not in given]
            for old, new in zip(fresh, made, strict=True):
                old.copy_(new)


def detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else value


class Recordings:
    """Graphs of a processor."""

    def __init__(self) -> None:
        self.warmed = self.taken = self.replayed = 0

    def warm(self, play: Callable[[], T]) -> T:
        self.warmed += 1
        return play()

    def capture(self, play: Callable[[], T], dice: Sequence[torch.Generator]) -> tuple[T, Callable[[], object]]:
        """The recording is made by playing, which is undone."""
        tape = Tape()
        try:
            with tape, OnDevice():
                made = play()
        finally:
            tape.undo()
        self.taken += 1

        def replay() -> None:
            self.replayed += 1
            tape.play()

        return made, replay
