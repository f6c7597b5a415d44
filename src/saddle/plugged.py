"""What is added from outside: the modules of plugins that are at hand, and what they define of a kind."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import ModuleType
from typing import TypeVar

from .blame import describe_error
from .errors import Mistake, require
from .light import require_torch

V = TypeVar("V")
PLUGIN_GROUP = "saddle.plugins"  # of entry points, each of which names a module
ACTIVE: ContextVar[tuple[ModuleType, ...]] = ContextVar("plugins", default=())  # made of files that a user named


@contextmanager
def use_plugins(*modules: ModuleType) -> Iterator[None]:
    """These, beside what is installed, are the plugins at hand in here."""
    token = ACTIVE.set(modules)
    try:
        yield
    finally:
        ACTIVE.reset(token)


def plugins() -> tuple[ModuleType, ...]:
    """The modules at hand: what is installed, and what was named."""
    return (*installed_plugins(), *ACTIVE.get())


@cache
def installed_plugins() -> tuple[ModuleType, ...]:
    """The modules that installed packages offer; Mistake names one that cannot be imported."""
    from importlib.metadata import entry_points  # not before it is needed: it takes a while

    found = tuple(entry_points(group=PLUGIN_GROUP))
    if found:
        require_torch()
    modules = []
    for point in found:
        try:
            module = point.load()
        except Exception as error:
            raise Mistake(
                f"the plugin {point.name} ({point.value}) cannot be imported: {describe_error(error)}"
            ) from error
        require(isinstance(module, ModuleType), f"the plugin {point.name} is {point.value}, which is no module")
        modules.append(module)
    return tuple(modules)


def plugged(kind: type[V], own: Mapping[str, object] = {}, name: Callable[[str, V], str] | None = None) -> dict[str, V]:
    """The values of a kind that plugins define, by name: `colour_gap` is colour-gap.

    Raises Mistake for one that is called as one of saddle's `own`, or as another plugin's.
    """
    found: dict[str, V] = {}
    for module in plugins():
        for variable, value in vars(module).items():
            if isinstance(value, kind):
                called = name(variable, value) if name else variable.lower().replace("_", "-")
                taken = called in own or found.get(called, value) is not value
                require(not taken, f"{module.__file__} defines {called}, which there is already; call it otherwise")
                found[called] = value
    return found


def plugged_types() -> tuple[type, ...]:
    """The dataclasses that plugins define, whose values a recipe may be made of; what they import is not theirs."""
    return tuple(
        thing for module in plugins() for thing in vars(module).values()
        if isinstance(thing, type) and dataclasses.is_dataclass(thing)
        and f"{thing.__module__}.".startswith(f"{module.__name__}.")
    )  # fmt: skip
