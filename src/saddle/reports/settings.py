"""What defines a run, as its manifest writes it, name by name; and in which names several differ."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ..aliases import RenameCalls
from ..errors import format_count
from ..runs.manifest import Manifest
from ..runs.settings import Settings
from ..shape import Classes, Shape

WrittenValue = ast.expr | None  # as it reads in Python; None for what one of several has not
ABSENT = "(no such field)"


class Difference(NamedTuple):
    """A name, and what it says in each run."""

    name: str
    values: tuple[str, ...]


def name_facts(manifest: Manifest) -> dict[str, ast.expr]:
    """What recipe and data are called."""
    data = {f"data.{name}": str(manifest.data[name]) for name in ("name", "classes")}
    return {name: ast.Constant(text) for name, text in {"name": manifest.name, **data}.items()}


def manifest_facts(manifest: Manifest) -> dict[str, ast.expr]:
    """The recipe's class and fields, the settings, the data and the machine."""
    recipe = RenameCalls().visit(ast.parse(manifest.recipe, mode="eval").body)
    rest = dataclasses.asdict(manifest.settings) | {"images": manifest.images}
    rest |= {f"data.{name}": manifest.data[name] for name in ("samples", "fingerprint")}
    rest |= {f"source.{name}": digest[:12] for name, digest in (manifest.source or {}).items()}
    rest |= {"data.shape": describe_shape(manifest.shape)}
    rest |= {f"machine.{name}": value for name, value in manifest.machine.items() if name != "command"}
    values: dict[str, ast.expr] = {name: ast.Constant(value) for name, value in rest.items()}
    return {"recipe": ast.Name(written_class(recipe))} | written_fields(recipe) | values


def is_changed(manifest: Manifest, name: str) -> bool:
    """Was this field of the recipe, or this setting, asked for otherwise than it stands by itself?"""
    chosen, usual = dataclasses.asdict(manifest.settings), {f.name: f.default for f in dataclasses.fields(Settings)}
    if name in usual:
        return bool(chosen[name] != usual[name])
    return any(name == option or name.startswith(f"{option}.") for option in manifest.options)


def describe_shape(shape: Shape) -> str:
    """'1 x 16 x 16 and 10 classes'."""
    more = [shape.condition, *(column for _, column in shape.columns)]
    told = (format_count(c.n, "class", "classes") if isinstance(c, Classes) else str(c) for c in more if c is not None)
    return " and ".join((" x ".join(map(str, shape[:3])), *told))


def written_class(value: WrittenValue) -> str:
    """The class of a written value, '' for what is no call of one."""
    return value.func.id if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) else ""


def written_fields(value: WrittenValue) -> dict[str, ast.expr]:
    """The fields of a written value."""
    return {word.arg: word.value for word in value.keywords if word.arg} if isinstance(value, ast.Call) else {}


def find_differences(runs: Sequence[Mapping[str, ast.expr]], prefix: str = "") -> Iterator[Difference]:
    """Name by name where they are not all alike; within values of one class, in their fields."""
    for name in dict.fromkeys(name for run in runs for name in run):
        values = [run.get(name) for run in runs]
        if len({written_text(value) for value in values}) == 1:
            continue
        if written_class(values[0]) and len({written_class(value) for value in values}) == 1:
            yield from find_differences([written_fields(value) for value in values], f"{prefix}{name}.")
        else:
            yield Difference(prefix + name, tuple(map(written_text, values)))


def flatten_fields(values: Mapping[str, ast.expr], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every name with what it says, a value's fields behind it."""
    for name, value in values.items():
        yield prefix + name, written_class(value) or written_text(value)
        yield from flatten_fields(written_fields(value), f"{prefix}{name}.")


def written_text(value: WrittenValue) -> str:
    """Text without its quotes."""
    if isinstance(value, ast.Constant):
        return str(value.value)
    return ABSENT if value is None else ast.unparse(value)
