"""A manifest's text back into the recipe that it describes; a stranger's code is not run for it."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from ..blame import blame_user_code
from ..errors import Mistake, require
from ..image_size import SizeText
from ..options import override_fields, parse_value
from ..plugged import plugged_types
from ..recipe import Recipe
from ..runs.folder import SOURCE_FOLDER, RunFolder
from ..runs.manifest import Manifest
from . import RECIPES, RecipeEntry, files, find_recipe
from .kinds import VALUE_TYPES, find_value_types
from .playable_kinds import name_playable_kinds
from .plugins import read_plugin, run_plugin, use_plugin_source
from .sources import RecipeSource, collect_source, read_stored_source
from .trust import check_trusted, trust_source

MAX_BATCH = 1_000_000  # images in a batch: more is a slip


def configure_recipe(name: str, options: Mapping[str, str], source: str | None = None,
                     size: SizeText | None = None) -> Recipe[Any]:  # fmt: skip
    """The recipe of a name, or of a file, with some fields given as text.

    A value of a wrong class is refused with those that can be played: on this source in this size, if they are said.
    """
    recipe, entry = find_recipe(name)
    with name_playable_kinds(recipe, entry, options, source, size):
        return override_recipe(recipe, entry, options)


def override_recipe(recipe: Recipe[Any], entry: RecipeEntry, options: Mapping[str, str]) -> Recipe[Any]:
    """A recipe that was found, with some fields given as text."""
    with blame_user_code(Mistake, recipe):
        value = override_fields(recipe, options, find_value_types(entry))
    require(value.batch >= 1, f"batch is {value.batch}, but should be at least 1")
    require(value.batch <= MAX_BATCH, f"batch is {value.batch:,}, but should be at most {MAX_BATCH:,}")
    return value


def name_recipe(recipe: Recipe[Any], options: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """A name that finds this recipe's class again, and as text its fields that are not at their defaults."""
    kind = type(recipe)
    place = kind.__module__, kind.__name__
    presets = (name for name in RECIPES if find_recipe(name)[0] == recipe)
    classes = (name for name, entry in RECIPES.items() if entry[:2] == place)
    name = next(chain(presets, classes), None) or f"{class_file(kind)}:{kind.__name__}"
    standard = find_recipe(name)[0]
    fields = {f.name: getattr(recipe, f.name) for f in dataclasses.fields(recipe)}  # type: ignore[arg-type]
    return name, {f: repr(v) for f, v in fields.items() if repr(v) != repr(getattr(standard, f))} | dict(options)


def class_file(kind: type) -> str:
    """The file that a recipe's class stands in, without which nobody could go on with its runs."""
    path = getattr(sys.modules[kind.__module__], "__file__", None)
    if path is None:
        raise Mistake(f"{kind.__name__} stands in no file; put the class into one, so that its runs can be resumed")
    return str(path)


def recipe_source(recipe: Recipe[Any], entry: RecipeEntry) -> RecipeSource | None:
    """The source that a run of this recipe needs beside it; None where saddle's own classes are enough."""
    source = files.module_sources.get(entry.module)
    return source if any(type(value) not in VALUE_TYPES for value in iter_values(recipe)) else None


def iter_values(value: Any) -> Iterator[object]:
    """Every value in a recipe that is more than a number or text, itself too, at any depth."""
    if isinstance(value, tuple | list):
        for item in value:
            yield from iter_values(item)
    elif not isinstance(value, str | int | float | bytes | Path | None):
        yield value
        for field in dataclasses.fields(value) if dataclasses.is_dataclass(value) else ():
            yield from iter_values(getattr(value, field.name))


def recipe_from_manifest(folder: RunFolder, manifest: Manifest, source: RecipeSource | None = None) -> Recipe[Any]:
    """The recipe of a run. Untrusted where that needs code that nobody has named here; Mistake names a wrong field."""
    source = source or trusted_source(folder, manifest)
    if source and manifest.source is None:
        check_source_unchanged(manifest, source)
    with use_plugin_source(run_plugin(folder, manifest)):
        return parse_recipe(manifest.recipe, manifest_value_types(manifest, source))


def check_source_unchanged(manifest: Manifest, source: RecipeSource) -> None:
    """Refuse a file which says something else than the run was begun with."""
    now = override_recipe(*files.find_in_source(source, manifest.name), manifest.options)
    recipe = parse_recipe(manifest.recipe, manifest_value_types(manifest, source))
    check_same_recipe(recipe, now, "in this run", f"in {source.path} now")


def trusted_source(folder: RunFolder, manifest: Manifest) -> RecipeSource | None:
    """The source without which a run's recipe cannot be read: its own copy, or the file of a run that has none."""
    found = read_source(folder, manifest)
    return found and check_trusted(found, folder)


def read_source(folder: RunFolder, manifest: Manifest) -> RecipeSource | None:
    if not files.is_file_recipe(manifest.name) or manifest.source == {}:
        return None
    if manifest.source is None:
        return collect_source(files.split_file_name(manifest.name)[0])
    # killed while another source took its place, before the manifest said so, a run has its own beside
    others = sorted(folder.path.glob(f"{SOURCE_FOLDER}-until-[0-9]*"), reverse=True)
    for place in [folder.path / SOURCE_FOLDER, *others] if others else []:
        with suppress(Mistake):
            return read_stored_source(place, manifest.source)
    return read_stored_source(folder.path / SOURCE_FOLDER, manifest.source)


def trust_run(path: str | Path) -> None:
    """Say once and for all that the sources which a run brings, of its recipe and its plugin, may be run."""
    folder = RunFolder.find(path)
    manifest = Manifest.read(folder)
    for source in (read_source(folder, manifest), read_plugin(folder, manifest)):
        if source:
            trust_source(source)


def manifest_value_types(manifest: Manifest, source: RecipeSource | None) -> tuple[type, ...]:
    """The classes that a run's recipe may be written with."""
    if source:
        return find_value_types(files.find_in_source(source, manifest.name)[1])
    if files.is_file_recipe(manifest.name):
        return (*VALUE_TYPES, *plugged_types())
    return find_value_types(find_recipe(manifest.name)[1])


def parse_recipe(text: str, known: tuple[type, ...]) -> Recipe[Any]:
    """Text back into a value of these classes."""
    with blame_user_code(Mistake):
        recipe = parse_value(text, known)
    if not isinstance(recipe, Recipe):
        raise Mistake(f"{text[:100]!r} is no recipe")
    return recipe


def check_same_recipe(a: Recipe[Any], b: Recipe[Any], here: str, there: str) -> None:
    """Refuse two recipes that differ, naming the first field in which they do."""
    if type(a).__name__ != type(b).__name__:
        raise Mistake(f"the recipe is {type(a).__name__} {here}, but {type(b).__name__} {there}")
    for field in dataclasses.fields(a):  # type: ignore[arg-type]
        x, y = (repr(getattr(r, field.name, None)) for r in (a, b))
        if x != y:
            raise Mistake(f"the recipe's {field.name} is {x} {here}, but {y} {there}; a run cannot go on with another")
