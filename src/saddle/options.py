"""Values written as they read in Python: `Relativistic(Hinge())`, `R1(weight=5), R2(5)`; read by type, no `eval`."""

from __future__ import annotations

import ast
import dataclasses
import re
import textwrap
import typing
import warnings
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

from .aliases import ALIASES, rename_call
from .errors import Mistake, did_you_mean, escaped, require
from .hints import (
    TypeTable,
    describe_type,
    example_text,
    field_types,
    fits_type,
    has_no_default,
    item_type,
    literal_choices,
    union_members,
)
from .whole_advice import advise_in_whole
from .wrong_kind import WrongKind

V = TypeVar("V")
MAX_TEXT, MAX_DEPTH = 10_000, 100  # signs of a written value, and nodes of it in each other
MAX_DIGITS = 1_000  # of a number in a range; Python itself reads no more than 4,300


def override_fields(value: V, options: Mapping[str, str], kinds: Iterable[type] = (), path: str = "") -> V:
    """A dataclass with some fields given as text; `adam.lr` is a field's field, `adam` the field as a whole."""
    require(dataclasses.is_dataclass(value), f"{path[:-1]} is {value!r}, which has no options; write it as a whole")
    known, kinds = field_types(type(value)), tuple(kinds)
    given: dict[str, dict[str, str]] = {}
    for option, text in options.items():
        name, _, rest = resolve_option(value, option.replace("-", "_"), path).partition(".")
        texts = given.setdefault(name, {})
        require(rest not in texts, f"{path}{name}{rest and '.'}{rest} is given twice; give it once")
        texts[rest] = text
    changes = {}
    for name, texts in given.items():
        whole = texts.pop("", None)
        field = getattr(value, name) if whole is None else parse_field(whole, known[name], kinds, path + name)
        changes[name] = override_fields(field, texts, kinds, f"{path}{name}.") if texts else field
    return typing.cast(V, dataclasses.replace(typing.cast(Any, value), **changes))


def resolve_option(value: object, option: str, path: str) -> str:
    """The option itself, or where the only value inside that has its field does: base.width for width."""
    name, dot, rest = option.partition(".")
    known = field_types(type(value))
    if name in known:
        return option
    places = find_nested(value, name) if path else []  # a recipe's own options are its fields
    many = f"{path}{name} may be {' or '.join(path + place for place in places)}; write one of them"
    require(len(places) < 2, many)
    more = {deep for field in known if path for deep in value_fields(getattr(value, field))}
    require(bool(places), f"{type(value).__name__} has no option {path}{name}{did_you_mean(name, known, more)}")
    return places[0] + dot + rest


def find_nested(value: object, name: str) -> list[str]:
    """Where the values that a value is made of have a field of this name; of nested ones the outermost."""
    parts = {
        field: getattr(value, field) for field in value_fields(value) if dataclasses.is_dataclass(getattr(value, field))
    }
    places = [[name] if name in value_fields(part) else find_nested(part, name) for part in parts.values()]
    return [f"{field}.{place}" for field, found in zip(parts, places, strict=True) for place in found]


def value_fields(value: object) -> dict[str, object]:
    """The fields of a value that is made of others; none of any other value."""
    return field_types(type(value)) if dataclasses.is_dataclass(value) else {}


def parse_field(text: str, hint: object, kinds: Iterable[type], name: str) -> object:
    """One option's text as a value of this type: text is kept as it is, 200k is 200000, a tuple needs no (...)."""
    wants = union_members(hint)
    if text in literal_choices(hint):  # first, for none may be one of them
        return text
    if type(None) in wants and text.lower() == "none":
        return None
    if str in wants:
        return text
    if Path in wants:
        return Path(text)
    if bool in wants and text.lower() in ("true", "false", "on", "off"):
        return text.lower() in ("true", "on")
    if int in wants and re.fullmatch(r"[\d._]+(e\d+|[km])", text.strip().lower()):
        whole = parse_count(text)
        require(whole < 2**63, f"{name} is {text.strip()}, but no number of this size can be meant")
        return whole
    if worded(hint) and text.strip("'\"") not in literal_choices(hint):
        raise Mistake(f"{name} is {text!r}, but should be {describe_type(hint, {})}")
    table = {kind.__name__: kind for kind in kinds}
    many = any(typing.get_origin(want) is tuple for want in wants)
    nothing = many and text.strip().lower() in ("", "none")
    tree = ast.Tuple([]) if nothing else parse_expression(text, name, lambda: describe_type(hint, table))
    written = ast.Tuple([tree]) if many and not isinstance(tree, ast.Tuple) else tree

    def build(node: ast.expr) -> object:
        return build_value(node, hint, table, name)

    try:
        return build(written)
    except WrongKind as refusal:
        raise refusal.written_in(name, written) from None
    except Mistake as refusal:
        raise advise_in_whole(refusal, written, build, table, name) from None


def worded(hint: object) -> bool:
    """Is there nothing to choose from but words, or none of them?"""
    plain = [want for want in union_members(hint) if typing.get_origin(want) is not typing.Literal]
    return plain in ([], [type(None)]) and all(isinstance(choice, str) for choice in literal_choices(hint))


def parse_value(text: str, kinds: Iterable[type]) -> object:
    """Text as a value, such as `repr` prints it: literals, tuples, and calls of the listed classes."""
    tree = parse_expression(text, "this", lambda: "a value")
    return build_value(tree, object, {kind.__name__: kind for kind in kinds}, "this")


def as_flags(options: Mapping[str, str]) -> str:
    """Options as they are typed: --batch 32 --optimizer.lr 4e-4."""
    return " ".join(f"--{field.replace('_', '-')} {escaped(text)}" for field, text in options.items())


def split_names(text: str | None) -> list[str]:
    """Names with commas between them; none of nothing."""
    return [name for name in map(str.strip, (text or "").split(",")) if name]


def parse_ranges(text: str) -> list[range] | None:
    """`0-3,5`, both ends among them, as ranges of whole numbers from 0; None for anything else."""
    found = []
    for part in text.split(","):
        low, dash, high = (end.strip() for end in part.partition("-"))
        high = high if dash else low
        numbers = low.isdecimal() and high.isdecimal() and max(len(low), len(high)) < MAX_DIGITS
        if not numbers or int(low) > int(high):
            return None
        found.append(range(int(low), int(high) + 1))
    return found


def parse_count(text: str) -> int:
    """A whole number as people write it: 5000, 200k, 1.5M, 1e5."""
    match = re.fullmatch(r"(\d+(?:_\d+)*(?:\.\d+)?(?:e\d{1,2})?)([km]?)", text.strip().lower())
    whole = Fraction(match[1]) * {"": 1, "k": 1_000, "m": 1_000_000}[match[2]] if match else None
    if whole is None or whole.denominator > 1:
        raise Mistake(f"{text!r} is no whole number; write 5000, 200k or 1.5M")
    return int(whole)


def parse_expression(text: str, name: str, describe: Callable[[], str]) -> ast.expr:
    """Text as Python reads it, of a size that everything can walk through; else Mistake, with what it should be."""
    try:
        return parse_python(text, name)
    except Mistake as wrong:
        raise Mistake(f"{wrong}, but should be {describe()}") from None


def parse_python(text: str, name: str) -> ast.expr:
    require(len(text) <= MAX_TEXT, f"{name} is a text of {len(text):,} characters")
    try:
        with warnings.catch_warnings():  # what Python thinks of odd escapes
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval").body
        deep = is_too_deep(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = f" ({getattr(error, 'msg', error)})" if "(" in text else ""
        raise Mistake(f"{name} is {textwrap.shorten(repr(text), 100)}{why}") from None
    require(not deep, f"{name} is nested too deeply")
    huge = any(isinstance(node, ast.Constant) and is_too_large(node.value) for node in ast.walk(tree))
    require(not huge, f"{name} holds a whole number of more than 18 digits")
    return tree


def is_too_deep(tree: ast.AST) -> bool:
    """Do more values stand in each other here than anybody writes?"""
    level = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return bool(level)


def is_too_large(value: object) -> bool:
    return isinstance(value, int) and value >= 10**18


def build_value(node: ast.expr, hint: object, table: TypeTable, name: str) -> object:
    """The value that is written here, if it may stand where the hint says."""
    if (
        (word := unquoted_word(node))
        and word not in table
        and (word in literal_choices(hint) or str in union_members(hint))
    ):
        return word
    if word == "none" and type(None) in union_members(hint):
        return None
    match node:
        case ast.Call(func=ast.Name(kind)) | ast.Name(kind) if kind in ALIASES and kind not in table:
            renamed = rename_call(node)
            try:
                return build_value(renamed, hint, table, name)
            except WrongKind as refusal:
                raise refusal.said_of(renamed, node) from None
        case ast.Call(func=ast.Name(kind)) | ast.Name(kind):
            value = make_instance(kind, node, hint, table, name)
        case ast.Tuple(items):
            value = tuple(build_value(item, item_type(hint, i), table, name) for i, item in enumerate(items))
        case _:
            value = parse_literal(node, hint, table, name)
    if not fits_type(value, hint):
        raise WrongKind(name, repr(value), hint, table, node)
    return value


def unquoted_word(node: ast.expr) -> str:
    """A word without its quotes: uniform, or reverse-kl, which Python takes for a difference."""
    match node:
        case ast.Name(word):
            return word
        case ast.BinOp(ast.Name(left), ast.Sub(), ast.Name(right)):
            return f"{left}-{right}"
    return ""


def parse_literal(node: ast.expr, hint: object, table: TypeTable, name: str) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError):
        raise WrongKind(name, repr(ast.unparse(node)), hint, table, node) from None


def make_instance(kind: str, node: ast.expr, hint: object, table: TypeTable, name: str) -> object:
    if kind not in table:
        raise WrongKind(name, repr(kind), hint, table, node, kind)
    known = field_types(table[kind])
    args, named = (node.args, node.keywords) if isinstance(node, ast.Call) else ([], [])
    require(len(args) <= len(known), f"{kind} takes {len(known)} values, not {len(args)}")
    written = [*zip(known, args, strict=False), *((key.arg or "**", key.value) for key in named)]
    given: dict[str, object] = {}
    for field, text in written:
        require(field in known, f"{kind} has no field {field}{did_you_mean(field, known)}")
        require(field not in given, f"{kind} is given its {field} twice")
        given[field] = build_value(text, known[field], table, f"{kind}.{field}")
    missing = [f.name for f in dataclasses.fields(table[kind]) if has_no_default(f) and f.name not in given]
    require(not missing, f"{kind} needs {' and '.join(missing)}, such as {example_text(table[kind], table)}")
    value: object = table[kind](**given)
    return value
