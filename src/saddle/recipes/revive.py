"""A manifest's text back into the recipe that it describes."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from itertools import chain
from typing import Any

from ..core import Mistake, Recipe, require
from ..options import override, read
from . import RECIPES, find
from .kinds import kinds

LARGEST = 1_000_000  # images in a batch: more is a slip


def chosen(name: str, options: dict[str, str]) -> Recipe[Any]:
    """The recipe of a name, or of a file, with some fields given as text."""
    recipe, entry = find(name)
    value = override(recipe, options, kinds(entry))
    require(value.batch >= 1, f"batch is {value.batch}, but should be at least 1")
    require(value.batch <= LARGEST, f"batch is {value.batch:,}, but should be at most {LARGEST:,}")
    return value


def named(recipe: Recipe[Any], options: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """A name that finds this recipe's class again, and as text its fields that are not at their defaults."""
    kind = type(recipe)
    place = kind.__module__, kind.__name__
    presets = (name for name in RECIPES if find(name)[0] == recipe)
    classes = (name for name, entry in RECIPES.items() if entry[:2] == place)
    name = next(chain(presets, classes), None) or f"{source(kind)}:{kind.__name__}"
    standard = find(name)[0]
    fields = {f.name: getattr(recipe, f.name) for f in dataclasses.fields(recipe)}  # type: ignore[arg-type]
    return name, {f: repr(v) for f, v in fields.items() if repr(v) != repr(getattr(standard, f))} | dict(options)


def source(kind: type) -> str:
    """The file that a recipe's class stands in, without which nobody could go on with its runs."""
    path = getattr(sys.modules[kind.__module__], "__file__", None)
    if path is None:
        raise Mistake(f"{kind.__name__} stands in no file; put the class into one, so that its runs can be resumed")
    return str(path)


def revive(name: str, text: str, options: dict[str, str]) -> Recipe[Any]:
    """The recipe that `text` describes; one of a user's file must still say what it said. Mistake names the field."""
    recipe = reread(name, text)
    if ".py:" in name:
        same(recipe, chosen(name, options), "in this run", f"in {name} now")
    return recipe


def reread(name: str, text: str) -> Recipe[Any]:
    """Text back into a value, with the classes that stand where the named recipe does."""
    recipe = read(text, kinds(find(name)[1]))
    if not isinstance(recipe, Recipe):
        raise Mistake(f"{text!r} is no recipe")
    return recipe


def same(a: Recipe[Any], b: Recipe[Any], here: str, there: str) -> None:
    """Refuse two recipes that differ, naming the first field in which they do."""
    if type(a).__name__ != type(b).__name__:
        raise Mistake(f"the recipe is {type(a).__name__} {here}, but {type(b).__name__} {there}")
    for field in dataclasses.fields(a):  # type: ignore[arg-type]
        x, y = (repr(getattr(r, field.name, None)) for r in (a, b))
        if x != y:
            raise Mistake(f"the recipe's {field.name} is {x} {here}, but {y} {there}; a run cannot go on with another")
