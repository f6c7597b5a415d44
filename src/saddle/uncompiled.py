"""Torch's compiler stays out: torch's optimizers, and its reckoning of shapes, import all of it only to be left alone.

That is `torch._dynamo`, three seconds of processor, asked for `disable` and `graph_break`; where nothing is compiled,
neither has anything to do. Who asks for more of it gets it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

NAME = "torch._dynamo"


class Uncompiled(ModuleType):
    """Stands where `torch._dynamo` would, until something of it is asked for that compiles."""

    def disable(self, function: Any = None, *args: object, **kwargs: object) -> Any:
        return function if function is not None else lambda function: function

    def graph_break(self, *args: object, **kwargs: object) -> None:
        """There is no graph."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__") and name != "__path__":  # modules are looked at for such by many
            raise AttributeError(name)
        if sys.modules.get(NAME) is self:
            del sys.modules[NAME]
        return getattr(import_module(NAME), name)


def leave_compiler_out() -> None:
    sys.modules.setdefault(NAME, Uncompiled(NAME))
