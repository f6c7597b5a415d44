"""JSON read back from files: whatever the bytes are, a value of the type that is expected, or a Mistake."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import typing
from pathlib import Path
from typing import Any, TypeVar

from .errors import Mistake, did_you_mean, require
from .hints import has_no_default, literal_choices, union_members
from .regular import open_to_read

V = TypeVar("V")
MAX_JSON_DEPTH = 32  # how many values may stand in each other
MAX_FILE_BYTES = 64 << 20  # bytes of a file
INTEGER_LIMIT = 2**63  # no whole number is larger
JSON_WORDS: dict[Any, str] = {dict: "an object", list: "a list", tuple: "a list", str: "text", int: "a whole number",
                         float: "a number", bool: "true or false", type(None): "null"}  # fmt: skip


def read_json(path: Path, fault: str) -> Any:
    """What a file says; Mistake, which begins with `fault`, for one that is not whole JSON or cannot be read."""
    try:
        with open_to_read(path) as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except Mistake as mistake:  # it is no regular file
        raise Mistake(f"{fault}: {mistake}") from None
    except OSError as error:
        raise Mistake(f"{fault}: {error.strerror or error}") from None
    require(len(content) <= MAX_FILE_BYTES, f"{fault}: it is longer than {MAX_FILE_BYTES >> 20} MiB")
    return parse_json(content, fault)


def parse_json(text: str | bytes, fault: str) -> Any:
    """JSON as a value; NaN and infinite numbers, which Python writes too, are taken here, and refused by `conform`."""
    try:
        return json.loads(text)
    except RecursionError:
        raise Mistake(f"{fault}: it is nested too deeply") from None
    except ValueError as error:
        raise Mistake(f"{fault}: {error}") from None


def conform(value: object, kind: type[V], fault: str) -> V:
    """The value as this type: a dataclass, a TypedDict (which may hold more than it names), a list, a number ...

    Mistake says, behind `fault`, what stands where, and what was expected there.
    """
    return typing.cast(V, conform_value(value, kind, fault))


def conform_value(value: Any, hint: object, fault: str, place: str = "", depth: int = 0) -> object:
    require(depth <= MAX_JSON_DEPTH, f"{fault}: it is nested too deeply")
    if hint is Any and not isinstance(value, float):  # where anything may stand, so may NaN
        hint = type(value)
    if hint is Any or (isinstance(value, str | int) and value in literal_choices(hint)):
        return value
    for want in union_members(hint):
        if is_json_kind(value, want):
            return conform_items(value, want, fault, place, depth + 1)
    raise Mistake(f"{fault}: {place or 'it'} is {describe_value(value)}, but should be {describe_json_type(hint)}")


def is_json_kind(value: object, want: object) -> bool:
    """Is this the kind of JSON that the type is written as?"""
    kind = typing.get_origin(want) or want
    if typing.is_typeddict(kind) or dataclasses.is_dataclass(kind):
        return isinstance(value, dict)
    if kind is tuple:
        return isinstance(value, list)
    if isinstance(value, bool) or not isinstance(kind, type):
        return type(value) is kind
    return isinstance(value, (int, float) if kind is float else kind)


def conform_items(value: Any, want: Any, fault: str, place: str, depth: int) -> object:
    """What stands in a value, each at its own place."""
    kind, args = typing.get_origin(want) or want, typing.get_args(want)
    if kind is dict:
        hint = args[1] if args else Any
        return {check_text(key, fault, place): conform_value(item, hint, fault, join_place(place, key), depth)
                for key, item in value.items()}  # fmt: skip
    if isinstance(value, dict):
        return conform_object(value, kind, fault, place, depth)
    if isinstance(value, list):
        hints = args if kind is tuple and ... not in args else [args[0] if args else Any] * len(value)
        require(len(value) == len(hints), f"{fault}: {place} has {len(value)} values, but should have {len(hints)}")
        pairs = enumerate(zip(value, hints, strict=True))
        return kind(conform_value(item, hint, fault, f"{place}[{i}]", depth) for i, (item, hint) in pairs)
    return check_text(value, fault, place) if isinstance(value, str) else check_number(value, fault, place)


def conform_object(value: dict[str, Any], kind: Any, fault: str, place: str, depth: int) -> object:
    """An object whose names are known: it has all that are needed, and of a dataclass no others."""
    known, more = typing.get_type_hints(kind), typing.is_typeddict(kind)
    optional = (
        {name for name, hint in typing.get_type_hints(kind, include_extras=True).items() if is_optional(hint)} if more
        else {f.name for f in dataclasses.fields(kind) if not has_no_default(f)}
    )  # fmt: skip
    for name in [name for name in known if name not in optional and name not in value]:
        raise Mistake(f"{fault}: {join_place(place, name)} is missing")
    for name in () if more else [name for name in value if name not in known]:
        raise Mistake(f"{fault}: {place or 'it'} has no {describe_value(name)}{did_you_mean(name, known)}")
    found = {check_text(name, fault, place): conform_value(item, known.get(name, Any), fault, join_place(place, name),
                                                           depth)
             for name, item in value.items()}  # fmt: skip
    return found if more else kind(**found)


def is_optional(hint: object) -> bool:
    """May an object be without this?"""
    return typing.get_origin(hint) is typing.NotRequired


def check_text(value: str, fault: str, place: str) -> str:
    """Text that can be a name of a file."""
    try:
        require("\0" not in os.fsencode(value).decode("latin1"), f"{fault}: {place or 'it'} holds a NUL")
    except UnicodeEncodeError:
        raise Mistake(f"{fault}: {place or 'it'} holds half a character") from None
    return value


def check_number(value: Any, fault: str, place: str) -> Any:
    """A number that can be reckoned with, true, false or null."""
    fine = value is None or (math.isfinite(value) if isinstance(value, float) else abs(value) < INTEGER_LIMIT)
    require(fine, f"{fault}: {place or 'it'} is {describe_value(value)}, but should be a number of common size")
    return value


def join_place(place: str, name: str) -> str:
    return f"{place}.{describe_value(name, '')}" if place else describe_value(name, "")


def describe_value(value: object, quote: str = "'") -> str:
    """A few characters of a value, on one line."""
    if isinstance(value, dict | list):
        return JSON_WORDS[type(value)]
    said = str(value)[:60] if not isinstance(value, int) or abs(value) < INTEGER_LIMIT else "a very large number"
    plain = "".join(c if c.isprintable() else "?" for c in said)
    return f"{quote}{plain}{quote}" if isinstance(value, str) else plain


def describe_json_type(hint: object) -> str:
    """A type in words."""
    wants = [want for want in union_members(hint) if typing.get_origin(want) is not typing.Literal]
    kinds = (JSON_WORDS.get(typing.get_origin(want) or want, "an object") for want in wants)
    return " or ".join(dict.fromkeys([*map(repr, literal_choices(hint)), *kinds]))
