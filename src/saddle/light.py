"""Pages that compute nothing are written without torch, whose import takes seconds of processor.

Values are told of, compared and checked by their fields. Their modules name torch as they are read (a class derives
from `nn.Module`, a union names two layers), but use it only inside functions. So a stand-in, which can be named and
derived from, is enough to read them; what would use it is done again with torch itself. So it is only in a process that
is saddle's own, where nobody else, in another thread or later, can come by a stand-in.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, MutableSequence
from contextlib import contextmanager
from functools import cache, wraps
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import MappingProxyType, ModuleType
from typing import ParamSpec, TypeVar

from .errors import Failure, Mistake
from .uncompiled import is_compiler_left_out

P = ParamSpec("P")
R = TypeVar("R")


class TorchNeeded(Exception):
    """Torch itself is needed after all."""


class StandIn(type):
    """Something of torch's: its attributes are such too, always the same ones; hardly any can be called."""

    def __getattr__(cls, name: str) -> StandIn:
        return stand_in_attribute(cls, name)

    def __call__(cls, *args: object, **kwargs: object) -> object:
        name = f"{cls.__module__}.{cls.__name__}"
        if name not in CALLED:
            raise TorchNeeded(name)
        return CALLED[name]


class StandInModule(ModuleType):
    """A module of torch's."""

    __path__: MutableSequence[str] = []

    def __getattr__(self, name: str) -> StandIn:
        return stand_in_attribute(self, name)


class StandInFinder(MetaPathFinder, Loader):
    """Finds torch, and whatever is in it, as stand-ins."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.partition(".")[0] == "torch" else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return StandInModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """It has nothing to run."""


def stand_in_attribute(owner: StandIn | ModuleType, name: str) -> StandIn:
    """What is called so, however it is come to: as torch.nn.Module, or as Module of what was imported as nn."""
    if name.startswith("__"):
        raise AttributeError(name)
    return make_stand_in(
        owner.__name__ if isinstance(owner, ModuleType) else f"{owner.__module__}.{owner.__name__}", name
    )


@cache
def make_stand_in(module: str, name: str) -> StandIn:
    return StandIn(name, (), {"__module__": module})


def require_torch() -> None:
    """Said before what may compute anything, such as a file of the user's."""
    if any(isinstance(finder, StandInFinder) for finder in sys.meta_path):
        raise TorchNeeded("torch")


def unchanged(function: R) -> R:
    return function


CALLED: dict[str, object] = {  # what modules call as they are read, and what it gives
    "torch.no_grad": unchanged,
    "torch.inference_mode": unchanged,
    "torch.fx.immutable_collections.immutable_dict": MappingProxyType({}),
}


def without_torch(work: Callable[P, R]) -> Callable[P, R]:
    """Do this without importing torch, or again with it if that is needed; for work whose result is text or settings.

    What it says, or refuses, it says of fields alone, so that torch would not change it.
    """

    @wraps(work)
    def lightly(*args: P.args, **kwargs: P.kwargs) -> R:
        if "torch" in sys.modules or not is_compiler_left_out():
            return work(*args, **kwargs)
        try:
            with torch_stood_in():
                return work(*args, **kwargs)
        except (Mistake, Failure, OSError):
            raise
        except Exception:  # Needed, or whatever came of a stand-in; if it is a fault of ours, it comes again
            return work(*args, **kwargs)

    return lightly


@contextmanager
def torch_stood_in() -> Iterator[None]:
    """Stand-ins for torch in here; what was imported meanwhile is forgotten, to be imported with torch when needed."""
    before, finder = set(sys.modules), StandInFinder()
    sys.meta_path.insert(0, finder)
    try:
        import_module("torch.nn")  # one and the same, whoever names it first, or hints would differ
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in ("torch", "saddle"):
                forget(name)


def forget(name: str) -> None:
    parent, _, last = name.rpartition(".")
    del sys.modules[name]
    if parent in sys.modules:
        vars(sys.modules[parent]).pop(last, None)
