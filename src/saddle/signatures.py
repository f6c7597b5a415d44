"""Functions that take the fields of a dataclass as keywords, shown with every one of them."""

from __future__ import annotations

import dataclasses
import inspect
import textwrap
import typing
from collections.abc import Callable
from typing import Any, TypeVar

from .hints import comments, field_types

F = TypeVar("F", bound=Callable[..., Any])


def takes_fields_of(kind: type, keywords: type) -> Callable[[F], F]:
    """Decorate a function with `**options: Unpack[keywords]`, which are the fields of a dataclass.

    For type checkers the TypedDict says what there is; `inspect.signature`, `help` and completion see the fields as
    keyword-only parameters with their types and defaults, and the docstring ends in a line on each.
    """

    def shown(function: F) -> F:
        whole = inspect.signature(function)
        own = {name: p for name, p in whole.parameters.items() if p.kind is not p.VAR_KEYWORD}
        options = {p.name: own.get(p.name, p) for p in parameters(kind, keywords)}
        whole = whole.replace(parameters=[*(own | options).values()])
        helps = comments(kind)
        told = "\n".join(f"    {option}\n{indented(helps.get(name, ''))}" for name, option in options.items())
        function.__signature__ = whole  # type: ignore[attr-defined]
        function.__doc__ = f"{inspect.getdoc(function)}\n\nOptions:\n{told}\n"
        return function

    return shown


def parameters(kind: type, keywords: type) -> list[inspect.Parameter]:
    """The fields as keyword-only parameters, of the types that a caller may give."""
    types, defaults = typing.get_type_hints(keywords), {f.name: f.default for f in dataclasses.fields(kind)}
    only = inspect.Parameter.KEYWORD_ONLY
    return [inspect.Parameter(name, only, default=defaults[name], annotation=types.get(name, hint))
            for name, hint in field_types(kind).items()]  # fmt: skip


def indented(text: str) -> str:
    return textwrap.fill(text, 100, initial_indent=" " * 8, subsequent_indent=" " * 8)
