"""Fields: what may stand where one is asked for, how that is said in words, and the comment behind each."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import io
import textwrap
import tokenize
import types
import typing
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

TypeTable = Mapping[str, type]
TYPE_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "True or False", Path: "a path"}


def example_text(kind: type, table: TypeTable) -> str:
    """How a value of a class is written, with no more than it needs: Swapped(objective=Minimax())."""
    hints, needed = field_types(kind), [f.name for f in dataclasses.fields(kind) if has_no_default(f)]
    return f"{kind.__name__}({', '.join(f'{name}={filler_text(hints[name], table)}' for name in needed)})"


def filler_text(hint: object, table: TypeTable) -> str:
    """Anything of this type, as it is written."""
    simple = {int: "1000", float: "1.0", str: '"..."', Path: '"..."', bool: "True"}
    plain = next((simple[want] for want in union_members(hint) if isinstance(want, type) and want in simple), None)
    kind = next((kind for kind in table.values() if fits_type(kind, hint)), None)
    return plain or (example_text(kind, table) if kind else "...")


def has_no_default(field: dataclasses.Field[Any]) -> bool:
    """Has it no value of its own?"""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def field_types(kind: type) -> dict[str, object]:
    """The fields of a dataclass that can be given, with their types."""
    hints = type_hints(kind)
    return {f.name: hints[f.name] for f in dataclasses.fields(kind) if f.init}


@cache
def type_hints(kind: type) -> Mapping[str, object]:
    """A class's annotations as types, read once: a command asks for those of the same few classes a hundred times."""
    return typing.get_type_hints(kind)


def fits_type(value: object, hint: object) -> bool:
    """May this value, or a value of this class, stand where the hint is? Protocols are compared by their methods."""
    kind, origin = value if isinstance(value, type) else type(value), typing.get_origin(hint)
    if hint is object or hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(fits_type(value, want) for want in typing.get_args(hint))
    if origin is typing.Literal:
        return any(value == want and kind is type(want) for want in typing.get_args(hint))
    if origin is tuple:
        wants = typing.get_args(hint)
        return isinstance(value, tuple) and (... in wants or len(wants) == len(value))  # `build` saw the items
    if origin is Callable:
        return same_signature(find_method(kind, "__call__"), typing.get_args(hint)[0])
    if is_protocol(origin):
        (gives,) = typing.get_args(hint)
        return fits_type(kind, origin) and all(
            fits_type(return_type(kind, name), gives) for name in protocol_members(origin)
        )
    if is_protocol(hint):
        return all(has_member(kind, name, part) for name, part in protocol_members(hint).items())
    if hint is int or hint is float:
        return kind is hint or kind is int
    return isinstance(hint, type) and issubclass(kind, hint)


def is_protocol(hint: object) -> bool:
    return isinstance(hint, type) and bool(vars(hint).get("_is_protocol"))


def protocol_members(hint: object) -> dict[str, object]:
    """What a protocol asks for, by name, and those that it derives from."""
    asked = [vars(base) for base in reversed(getattr(hint, "__mro__", ())) if is_protocol(base)]
    return {name: part for own in asked for name, part in own.items() if name[0] != "_" or name == "__call__"}


def return_type(kind: type, name: str) -> object:
    """What a method says that it gives."""
    return typing.get_type_hints(find_method(kind, name)).get("return", object)


def has_member(kind: type, name: str, part: object) -> bool:
    """Has a class this part of a protocol: a field or property of the name, or a method with the same parameters?"""
    own = find_method(kind, name)
    if not inspect.isfunction(part):
        return own is not None or any(name in vars(base).get("__annotations__", ()) for base in kind.__mro__)
    wants = parameter_names(part)
    return inspect.isfunction(own) and parameter_names(own)[: len(wants)] == wants


@cache
def parameter_names(function: types.FunctionType) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


def same_signature(own: object, wants: object) -> bool:
    """Does a method take arguments of these types?"""
    if not inspect.isfunction(own) or not isinstance(wants, list):
        return inspect.isfunction(own)
    hints = typing.get_type_hints(own)
    names = list(inspect.signature(own).parameters)[1:]
    return len(names) == len(wants) and all(hints.get(n, w) == w for n, w in zip(names, wants, strict=True))


def find_method(kind: type, name: str) -> object:
    """A class's method; a module is called by its `forward`."""
    name = "forward" if name == "__call__" and hasattr(kind, "forward") else name
    return next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None)


def union_members(hint: object) -> tuple[object, ...]:
    """A union's types, or the type itself."""
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if union else (hint,)


def literal_choices(hint: object) -> tuple[object, ...]:
    chosen = [typing.get_args(want) for want in union_members(hint) if typing.get_origin(want) is typing.Literal]
    return tuple(choice for choices in chosen for choice in choices)


def item_type(hint: object, place: int = 0) -> object:
    """What a tuple's item is at this place."""
    wants = next(
        (typing.get_args(want) for want in union_members(hint) if typing.get_origin(want) is tuple), (object, ...)
    )
    return wants[0] if ... in wants else wants[min(place, len(wants) - 1)]


def describe_type(hint: object, table: TypeTable) -> str:
    """A type in words: `a number, Linear or Cosine`."""
    words = [TYPE_WORDS[want] for want in union_members(hint) if isinstance(want, type) and want in TYPE_WORDS]
    words += [str(choice) for choice in literal_choices(hint)] + [
        kind for kind in table if fits_type(table[kind], hint)
    ]
    for items in (typing.get_args(want) for want in union_members(hint) if typing.get_origin(want) is tuple):
        many = "any number" if ... in items else str(len(items))
        words.append(f"{many} of {describe_type(items[0], table)}, with commas")
        words += ["none"] * (... in items)
    words += ["none"] * (type(None) in union_members(hint))
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "a value of another kind"


def comments(kind: type) -> dict[str, str]:
    """The comment behind each field of a class and its bases, where their source is at hand."""
    helps: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if base.__module__ not in ("builtins", "typing"):
            helps |= {name: help for name, help in own_comments(base).items() if help or name not in helps}
    return helps


@cache
def own_comments(kind: type) -> Mapping[str, str]:
    """Of the fields that a class itself has; installed without its source, it has no comments."""
    with suppress(OSError):
        return commented(textwrap.dedent(inspect.getsource(kind)))
    return {}


def commented(source: str) -> dict[str, str]:
    """Field by field, the comment on the lines of its definition."""
    (body,) = ast.parse(source).body
    assert isinstance(body, ast.ClassDef)
    helps: dict[str, str] = {}
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = [t for t in tokens if t.type == tokenize.COMMENT and not t.string.startswith("# fmt:")]
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            lines = range(node.lineno, (node.end_lineno or node.lineno) + 1)
            helps[node.target.id] = " ".join(t.string.lstrip("# ") for t in comments if t.start[0] in lines)
    return helps
