"""A reference of what Python code may call, out of signatures and docstrings."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from method_pages import code, escape, table

from saddle.cli.pages import class_doc
from saddle.hints import comments


class Part(NamedTuple):
    """A page: what it is called, what it is of, and the modules whose public names it tells."""

    name: str
    about: str
    modules: tuple[str, ...]


PARTS = (
    Part("saddle", "Train, go on, load, measure, export: what the command line does.", ("saddle",)),
    Part("loaded", "A loaded run: what `saddle.load` answers.", ("saddle.inference.loaded", "saddle.capabilities")),
    Part("objectives", "Losses as functions of scores.", ("saddle.objectives",)),
    Part("penalties", "Further terms of a player's loss.", ("saddle.penalties",)),
    Part("networks", "Matched pairs of networks, as values.", ("saddle.networks",)),
    Part("layers", "Building blocks, views of the critic, priors.", ("saddle.layers",)),
    Part("games", "Who moves when.", ("saddle.core", "saddle.games")),
    Part("optim", "Optimizers and schedules as values.", ("saddle.optim",)),
    Part("recipe", "A paper as a value, what data look like, and what a game is given.", (
        "saddle.recipe", "saddle.batches", "saddle.shape", "saddle.clock")),
    Part("data", "Data sets and how they are opened.", ("saddle.data",)),
    Part("latent", "Latents: walked through, searched, added up.", ("saddle.latent",)),
    Part("metrics", "Figures of samples, as functions.", (
        "saddle.metrics.estimates", "saddle.metrics.frechet", "saddle.metrics.kernel", "saddle.metrics.manifold",
        "saddle.metrics.sliced", "saddle.metrics.modes", "saddle.metrics.memorisation", "saddle.metrics.mind")),
    Part("theory", "What the theory says, checked.", ("saddle.theory",)),
    Part("serve", "A run over HTTP, as a part of another application.", ("saddle.serve",)),
    Part("errors", "Faults, each told in one sentence.", ("saddle.errors",)),
)  # fmt: skip


ANNOTATION = re.compile(r"(: |-> )'([^']*)'")  # as annotations that are not evaluated are written


def public_names(module: Any) -> list[str]:
    """What a module says is public, or what it defines itself without an underscore."""
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
    return [name for name in getattr(module, "__all__", own) if not name.startswith("_")]


def api_page(part: Part) -> str:
    sections = []
    for where in part.modules:
        module = import_module(where)
        said = inspect.getdoc(module)
        found = [(name, getattr(module, name)) for name in public_names(module)]
        told = [entry(name, value) for name, value in found if inspect.isclass(value) or inspect.isroutine(value)]
        if told:
            sections.append(f"## {code(where)}\n\n{prose(said)}\n\n" + "\n\n".join(told))
    return f"# {part.name}\n\n{part.about}\n\n" + "\n\n".join(sections) + "\n"


def entry(name: str, value: Any) -> str:
    """A class with its methods, or a function."""
    if not inspect.isclass(value):
        return f"### {code(name)}\n\n{signature(name, value)}\n\n{prose(inspect.getdoc(value))}"
    parts = [f"### {code(name)}", signature(name, value), prose(class_doc(value)), fields_of(value)]
    return "\n\n".join(filter(None, [*parts, *methods_of(value)]))


def signature(name: str, value: Any) -> str:
    """How it is called, a line for each parameter where they are many."""
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):  # of a type without one, such as an enumeration
        return ""
    line = f"{name}{found}"
    if len(line) > 110:
        result = line.rpartition(" -> ")[2]
        parts = "".join(f"    {parameter},\n" for parameter in found.parameters.values())
        line = f"{name}(\n{parts})" + (f" -> {result}" if "->" in str(found) else "")
    unquoted = ANNOTATION.sub(r"\1\2", line)
    return f"```text\n{unquoted}\n```"


def prose(text: str | None) -> str:
    return "\n\n".join(escape(part) for part in (text or "").split("\n\n"))


def fields_of(kind: type) -> str:
    """A dataclass's fields with the comments behind them."""
    if not dataclasses.is_dataclass(kind) or not inspect.getmodule(kind):
        return ""
    said = comments(kind)
    rows = [[code(field.name), escape(said[field.name])] for field in dataclasses.fields(kind) if said.get(field.name)]
    return table(["field", "what it is"], rows) if rows else ""


def methods_of(kind: type) -> Iterator[str]:
    """Public methods of its own that have a docstring."""
    for name, value in vars(kind).items():
        function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        if name.startswith("_") or not inspect.isfunction(function) or not inspect.getdoc(function):
            continue
        heading = code(f"{kind.__name__}.{name}")
        yield f"#### {heading}\n\n{signature(name, function)}\n\n{prose(inspect.getdoc(function))}"


def write_api(folder: Path) -> None:
    folder.mkdir(parents=True)
    for part in PARTS:
        (folder / f"{part.name}.md").write_text(api_page(part), encoding="utf-8")
    rows = "\n".join(f"- [{part.name}]({part.name}.md): {part.about}" for part in PARTS)
    (folder / "index.md").write_text(f"# Reference of the Python names\n\n{rows}\n", encoding="utf-8")
