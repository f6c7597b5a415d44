"""Two recipes, or two runs, side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import require
from ..light import without_torch
from ..recipes import canonical, find_recipe
from ..runs.folder import RunFolder
from .argv import parse_command
from .facts import tell
from .pages import terminal_width

ABSENT = "(no such field)"


@dataclass(frozen=True)
class DiffOptions:
    """How it is told."""

    json: Path | None = None  # print it as JSON, for programs, or write it into FILE.json


def diff(words: list[str]) -> None:
    """saddle diff A B."""
    (a, b), wish = parse_command("diff", words, DiffOptions())
    a, b = (name if is_run(name) else canonical(name) for name in (a, b))
    require(is_run(a) == is_run(b), f"{a if is_run(a) else b} is a run and {b if is_run(a) else a} a recipe; "
                                    "give two of a kind")  # fmt: skip
    rows = find_differences(a, b)
    tell(lambda: side_by_side(("", a, b), rows) if rows else f"{a} and {b} are the same",
         lambda: {"a": a, "b": b, "differences": [dict(zip(("name", "a", "b"), row, strict=True)) for row in rows]},
         wish.json)  # fmt: skip


@without_torch
def find_differences(a: str, b: str) -> list[tuple[str, str, str]]:
    return [*(run_differences(a, b) if is_run(a) else compare_fields(recipe_facts(a), recipe_facts(b)))]


def is_run(name: str) -> bool:
    return RunFolder(name).manifest.is_file()


def run_differences(a: str, b: str) -> Iterator[tuple[str, str, str]]:
    """As the manifests write them: for this no recipe of anybody's own is run."""
    from ..reports import settings
    from ..runs.manifest import Manifest

    runs = [Manifest.read(RunFolder.find(name)) for name in (a, b)]
    for name, (x, y) in settings.find_differences(
        [settings.name_facts(run) | settings.manifest_facts(run) for run in runs]
    ):
        yield name, x, y


def recipe_facts(name: str) -> dict[str, Any]:
    """What defines a recipe."""
    recipe, _ = find_recipe(name)
    return {"recipe": type(recipe).__name__} | fields_or_items(recipe)


def fields_or_items(value: Any) -> dict[str, Any]:
    """A value's fields, or a mapping's."""
    if isinstance(value, Mapping):
        return dict(value)
    return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}


def compare_fields(a: Mapping[str, Any], b: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Name by name where the two differ; within values of one class, in their fields."""
    for name in dict.fromkeys([*a, *b]):
        x, y = a.get(name, ABSENT), b.get(name, ABSENT)
        within = isinstance(x, Mapping) or dataclasses.is_dataclass(x)
        if type(x) is type(y) and within:
            yield from compare_fields(fields_or_items(x), fields_or_items(y), f"{prefix}{name}.")
        elif x != y:
            yield prefix + name, to_text(x), to_text(y)


def to_text(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def side_by_side(titles: tuple[str, str, str], rows: list[tuple[str, str, str]]) -> str:
    """Three columns where they fit, else the two values below each other."""
    wide = [max(len(row[i]) for row in [titles, *rows]) + 2 for i in range(3)]
    if sum(wide) <= terminal_width():
        return "\n".join(f"{n:<{wide[0]}}{x:<{wide[1]}}{y}".rstrip() for n, x, y in [titles, *rows])
    column = max(len(titles[1]), len(titles[2])) + 2
    return "\n".join(f"{n}\n  {titles[1]:<{column}}{x}\n  {titles[2]:<{column}}{y}" for n, x, y in rows)
