"""Torch's compiler stays out of saddle's own processes: torch's optimizers import all of it only to be left alone.

That is `torch._dynamo`, two to three seconds of processor, asked for `disable` and `graph_break`; where nothing is
compiled, neither has anything to do; nor has `trace_rules.clear_lru_cache`, which a process group begins with. Who asks
for more of it, or for a part of it, gets all of it.
"""

from __future__ import annotations

import sys
from collections.abc import MutableSequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

NAME = "torch._dynamo"


class NoTraceRules:
    """What nothing is compiled by is not kept from anybody: there is nothing to forget."""

    def clear_lru_cache(self) -> None:
        """There is none."""

    def __getattr__(self, name: str) -> object:
        return getattr(load_compiler().trace_rules, name)


class Uncompiled(ModuleType):
    """Stands where `torch._dynamo` would, until something of it is asked for that compiles."""

    __path__: MutableSequence[str] = []
    trace_rules = NoTraceRules()

    def disable(self, function: Any = None, *args: object, **kwargs: object) -> Any:
        return function if function is not None else lambda function: function

    def graph_break(self, *args: object, **kwargs: object) -> None:
        """There is no graph."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):  # modules are looked at for such by many
            raise AttributeError(name)
        return getattr(load_compiler(), name)


class CompilerFinder(MetaPathFinder, Loader):
    """Finds a part of the compiler that is imported while it is out: the one of the whole, never a second."""

    def __init__(self) -> None:
        self.specs: dict[str, ModuleSpec | None] = {}

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name.startswith(f"{NAME}.") and is_compiler_left_out() else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        load_compiler()
        module = import_module(spec.name)
        self.specs[spec.name] = getattr(module, "__spec__", None)
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has run already."""
        vars(module).update(__spec__=self.specs.pop(module.__name__))  # one of settings lets itself not be written


def load_compiler() -> ModuleType:
    """All of it, itself."""
    if is_compiler_left_out():
        del sys.modules[NAME]
    return import_module(NAME)


def is_compiler_left_out() -> bool:
    return isinstance(sys.modules.get(NAME), Uncompiled)


def leave_compiler_out() -> None:
    """For a process that is saddle's own: other people's may compile what they like, whenever they like."""
    if NAME not in sys.modules:
        sys.modules[NAME] = Uncompiled(NAME)
        sys.meta_path.insert(0, CompilerFinder())
