"""A manifest's text back into the recipe that it describes; a stranger's code is not run for it."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from ..blame import blamed
from ..core import Mistake, Recipe, require
from ..options import override, read
from ..runs.folder import COPY, Folder
from ..runs.manifest import Manifest
from . import RECIPES, Entry, files, find
from .kinds import KINDS, kinds
from .sources import Source, gathered, kept
from .trust import allowed, trust

LARGEST = 1_000_000  # images in a batch: more is a slip


def chosen(name: str, options: Mapping[str, str]) -> Recipe[Any]:
    """The recipe of a name, or of a file, with some fields given as text."""
    return changed(*find(name), options)


def changed(recipe: Recipe[Any], entry: Entry, options: Mapping[str, str]) -> Recipe[Any]:
    """A recipe that was found, with some fields given as text."""
    with blamed(Mistake, recipe):
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
    name = next(chain(presets, classes), None) or f"{file(kind)}:{kind.__name__}"
    standard = find(name)[0]
    fields = {f.name: getattr(recipe, f.name) for f in dataclasses.fields(recipe)}  # type: ignore[arg-type]
    return name, {f: repr(v) for f, v in fields.items() if repr(v) != repr(getattr(standard, f))} | dict(options)


def file(kind: type) -> str:
    """The file that a recipe's class stands in, without which nobody could go on with its runs."""
    path = getattr(sys.modules[kind.__module__], "__file__", None)
    if path is None:
        raise Mistake(f"{kind.__name__} stands in no file; put the class into one, so that its runs can be resumed")
    return str(path)


def carried(recipe: Recipe[Any], entry: Entry) -> Source | None:
    """The source that a run of this recipe needs beside it; None where saddle's own classes are enough."""
    source = files.sources.get(entry.module)
    return source if any(type(value) not in KINDS for value in inside(recipe)) else None


def inside(value: Any) -> Iterator[object]:
    """Every value in a recipe that is more than a number or text, itself too, at any depth."""
    if isinstance(value, tuple | list):
        for item in value:
            yield from inside(item)
    elif not isinstance(value, str | int | float | bytes | Path | None):
        yield value
        for field in dataclasses.fields(value) if dataclasses.is_dataclass(value) else ():
            yield from inside(getattr(value, field.name))


def revive(folder: Folder, manifest: Manifest, source: Source | None = None) -> Recipe[Any]:
    """The recipe of a run. Untrusted where that needs code that nobody has named here; Mistake names a wrong field."""
    source = source or source_of(folder, manifest)
    if source and manifest.source is None:
        alike(manifest, source)
    return reread(manifest.recipe, vocabulary(manifest, source))


def alike(manifest: Manifest, source: Source) -> None:
    """Refuse a file which says something else than the run was begun with."""
    now = changed(*files.look_up(source, manifest.name), manifest.options)
    recipe = reread(manifest.recipe, vocabulary(manifest, source))
    same(recipe, now, "in this run", f"in {source.path} now")


def source_of(folder: Folder, manifest: Manifest) -> Source | None:
    """The source without which a run's recipe cannot be read: its own copy, or the file of a run that has none."""
    found = read_source(folder, manifest)
    return found and allowed(found, folder)


def read_source(folder: Folder, manifest: Manifest) -> Source | None:
    if not files.meant(manifest.name) or manifest.source == {}:
        return None
    if manifest.source is None:
        return gathered(files.parted(manifest.name)[0])
    # killed while another source took its place, before the manifest said so, a run has its own beside
    others = sorted(folder.path.glob(f"{COPY}-until-[0-9]*"), reverse=True)
    for place in [folder.path / COPY, *others] if others else []:
        with suppress(Mistake):
            return kept(place, manifest.source)
    return kept(folder.path / COPY, manifest.source)


def trust_run(path: str | Path) -> None:
    """Say once and for all that the source which a run brings may be run."""
    folder = Folder.found(path)
    if source := read_source(folder, Manifest.read(folder)):
        trust(source)


def vocabulary(manifest: Manifest, source: Source | None) -> tuple[type, ...]:
    """The classes that a run's recipe may be written with."""
    if source:
        return kinds(files.look_up(source, manifest.name)[1])
    return KINDS if files.meant(manifest.name) else kinds(find(manifest.name)[1])


def reread(text: str, known: tuple[type, ...]) -> Recipe[Any]:
    """Text back into a value of these classes."""
    with blamed(Mistake):
        recipe = read(text, known)
    if not isinstance(recipe, Recipe):
        raise Mistake(f"{text[:100]!r} is no recipe")
    return recipe


def same(a: Recipe[Any], b: Recipe[Any], here: str, there: str) -> None:
    """Refuse two recipes that differ, naming the first field in which they do."""
    if type(a).__name__ != type(b).__name__:
        raise Mistake(f"the recipe is {type(a).__name__} {here}, but {type(b).__name__} {there}")
    for field in dataclasses.fields(a):  # type: ignore[arg-type]
        x, y = (repr(getattr(r, field.name, None)) for r in (a, b))
        if x != y:
            raise Mistake(f"the recipe's {field.name} is {x} {here}, but {y} {there}; a run cannot go on with another")
