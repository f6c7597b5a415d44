"""Values written as they read in Python: `Relativistic(Hinge())`, `R1(weight=5), R2(5)`; read by type, no `eval`."""

from __future__ import annotations

import ast
import dataclasses
import difflib
import inspect
import re
import textwrap
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from .errors import Mistake, nearest, require

V = TypeVar("V")
Table = Mapping[str, type]
WORDS = {int: "a whole number", float: "a number", str: "text", bool: "True or False", Path: "a path"}


def override(value: V, options: Mapping[str, str], kinds: Iterable[type] = (), path: str = "") -> V:
    """A dataclass with some fields given as text; `adam.lr` is a field's field, `adam` the field as a whole."""
    require(dataclasses.is_dataclass(value), f"{path[:-1]} is {value!r}, which has no options; write it as a whole")
    known, kinds = fields(type(value)), tuple(kinds)
    given: dict[str, dict[str, str]] = {}
    for option, text in options.items():
        name, _, inner = option.replace("-", "_").partition(".")
        if name not in known:
            raise Mistake(f"{type(value).__name__} has no option {path}{name}{nearest(name, known)}")
        given.setdefault(name, {})[inner] = text
    changes = {}
    for name, texts in given.items():
        whole = texts.pop("", None)
        field = getattr(value, name) if whole is None else written(whole, known[name], kinds, path + name)
        changes[name] = override(field, texts, kinds, f"{path}{name}.") if texts else field
    return typing.cast(V, dataclasses.replace(typing.cast(Any, value), **changes))


def written(text: str, hint: object, kinds: Iterable[type], name: str) -> object:
    """One option's text as a value of this type: text is kept as it is, 200k is 200000, a tuple needs no (...)."""
    wants = members(hint)
    if type(None) in wants and text.lower() == "none":
        return None
    if str in wants or text in literals(hint):
        return text
    if Path in wants:
        return Path(text)
    if bool in wants and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if int in wants and re.fullmatch(r"[\d._]+(e\d+|[km])", text.strip().lower()):
        return count(text)
    table = {kind.__name__: kind for kind in kinds}
    many = any(typing.get_origin(want) is tuple for want in wants)
    tree = ast.Tuple([]) if many and text.strip().lower() in ("", "none") else parse(text, name, wanted(hint, table))
    return build(ast.Tuple([tree]) if many and not isinstance(tree, ast.Tuple) else tree, hint, table, name)


def read(text: str, kinds: Iterable[type]) -> object:
    """Text as a value, such as `repr` prints it: literals, tuples, and calls of the listed classes."""
    return build(parse(text, "this", "a value"), object, {kind.__name__: kind for kind in kinds}, "this")


def typed(options: Mapping[str, str]) -> str:
    """Options as they are typed: --batch 32 --optimizer.lr 4e-4."""
    return " ".join(f"--{field} {text}" for field, text in options.items())


def count(text: str) -> int:
    """A whole number as people write it: 5000, 200k, 1.5M, 1e5."""
    match = re.fullmatch(r"(\d+(?:_\d+)*(?:\.\d+)?(?:e\d{1,2})?)([km]?)", text.strip().lower())
    whole = Fraction(match[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[match[2]] if match else None
    if whole is None or whole.denominator > 1:
        raise Mistake(f"{text!r} is no whole number; write 5000, 200k or 1.5M")
    return int(whole)


def parse(text: str, name: str, should: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = f" ({getattr(error, 'msg', error)})" if "(" in text else ""
        raise Mistake(f"{name} is {textwrap.shorten(repr(text), 100)}{why}, but should be {should}") from None


def build(node: ast.expr, hint: object, table: Table, name: str) -> object:
    """The value that is written here, if it may stand where the hint says."""
    match node:
        case ast.Call(func=ast.Name(kind)) | ast.Name(kind):
            value = make(kind, node, hint, table, name)
        case ast.Tuple(items):
            value = tuple(build(item, inner(hint, i), table, name) for i, item in enumerate(items))
        case _:
            value = literal(node, hint, table, name)
    if not fits(value, hint):
        raise Mistake(f"{name} is {value!r}, but should be {wanted(hint, table)}")
    return value


def literal(node: ast.expr, hint: object, table: Table, name: str) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError):
        raise Mistake(f"{name} is {ast.unparse(node)!r}, but should be {wanted(hint, table)}") from None


def make(kind: str, node: ast.expr, hint: object, table: Table, name: str) -> object:
    if kind not in table:
        near = difflib.get_close_matches(kind, [known for known in table if fits(table[known], hint)], 1)
        raise Mistake(f"{name}: there is no {kind}; did you mean {near[0]}?" if near
                      else f"{name} is {kind!r}, but should be {wanted(hint, table)}")  # fmt: skip
    known = fields(table[kind])
    args, named = (node.args, node.keywords) if isinstance(node, ast.Call) else ([], [])
    require(len(args) <= len(known), f"{kind} takes {len(known)} values, not {len(args)}")
    written = [*zip(known, args, strict=False), *((key.arg or "**", key.value) for key in named)]
    given: dict[str, object] = {}
    for field, text in written:
        require(field in known, f"{kind} has no field {field}{nearest(field, known)}")
        require(field not in given, f"{kind} is given its {field} twice")
        given[field] = build(text, known[field], table, f"{kind}.{field}")
    missing = [f.name for f in dataclasses.fields(table[kind]) if bare(f) and f.name not in given]
    require(not missing, f"{kind} needs {' and '.join(missing)}")
    value: object = table[kind](**given)
    return value


def bare(field: dataclasses.Field[Any]) -> bool:
    """Has it no value of its own?"""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def fields(kind: type) -> dict[str, object]:
    """The fields of a dataclass that can be given, with their types."""
    hints = typing.get_type_hints(kind)
    return {f.name: hints[f.name] for f in dataclasses.fields(kind) if f.init}


def fits(value: object, hint: object) -> bool:
    """May this value, or a value of this class, stand where the hint is? Protocols are compared by their methods."""
    kind, origin = value if isinstance(value, type) else type(value), typing.get_origin(hint)
    if hint is object or hint is Any:
        return True
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, want) for want in typing.get_args(hint))
    if origin is typing.Literal:
        return any(value == want and kind is type(want) for want in typing.get_args(hint))
    if origin is tuple:
        wants = typing.get_args(hint)
        return isinstance(value, tuple) and (... in wants or len(wants) == len(value))  # `build` saw the items
    if origin is Callable:
        return alike(method(kind, "__call__"), typing.get_args(hint)[0])
    if isinstance(hint, type) and typing.cast(Any, hint).__dict__.get("_is_protocol"):
        return all(has(kind, name, part) for name, part in vars(hint).items() if name[0] != "_" or name == "__call__")
    if hint is int or hint is float:
        return kind is hint or kind is int
    return isinstance(hint, type) and issubclass(kind, hint)


def has(kind: type, name: str, part: object) -> bool:
    """Has a class this part of a protocol: a field or property of the name, or a method with the same parameters?"""
    own = method(kind, name)
    if not inspect.isfunction(part):
        return own is not None or name in kind.__dict__.get("__dataclass_fields__", ())
    wants = list(inspect.signature(part).parameters)
    return inspect.isfunction(own) and list(inspect.signature(own).parameters)[: len(wants)] == wants


def alike(own: object, wants: object) -> bool:
    """Does a method take arguments of these types?"""
    if not inspect.isfunction(own) or not isinstance(wants, list):
        return inspect.isfunction(own)
    hints = typing.get_type_hints(own)
    names = list(inspect.signature(own).parameters)[1:]
    return len(names) == len(wants) and all(hints.get(n, w) == w for n, w in zip(names, wants, strict=True))


def method(kind: type, name: str) -> object:
    return next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None)


def members(hint: object) -> tuple[object, ...]:
    """A union's types, or the type itself."""
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if union else (hint,)


def literals(hint: object) -> tuple[object, ...]:
    chosen = [typing.get_args(want) for want in members(hint) if typing.get_origin(want) is typing.Literal]
    return tuple(choice for choices in chosen for choice in choices)


def inner(hint: object, place: int = 0) -> object:
    """What a tuple's item is at this place."""
    wants = next((typing.get_args(want) for want in members(hint) if typing.get_origin(want) is tuple), (object, ...))
    return wants[0] if ... in wants else wants[min(place, len(wants) - 1)]


def wanted(hint: object, table: Table) -> str:
    """A type in words: `a number, Linear or Cosine`."""
    words = [WORDS[want] for want in members(hint) if isinstance(want, type) and want in WORDS]
    words += [str(choice) for choice in literals(hint)] + [kind for kind in table if fits(table[kind], hint)]
    for items in (typing.get_args(want) for want in members(hint) if typing.get_origin(want) is tuple):
        many = "any number" if ... in items else str(len(items))
        words.append(f"{many} of {wanted(items[0], table)}, with commas")
        words += ["none"] * (... in items)
    words += ["none"] * (type(None) in members(hint))
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else "a value of another kind"
