"""What there is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from importlib import import_module
from itertools import groupby

from ..errors import Mistake, nearest
from ..hints import bare, comments
from ..light import light
from ..recipes import RECIPES
from .pages import described, table, wrapped
from .saying import tell
from .words import Nothing, take

VALUES = {
    "objectives": ("saddle.objectives", "OBJECTIVES"),
    "penalties": ("saddle.penalties", "PENALTIES"),
    "networks": ("saddle.networks", "NETWORKS"),
    "views": ("saddle.layers.views", "VIEWS"),
    "priors": ("saddle.layers", "PRIORS"),
    "slots": ("saddle.games", "SLOTS"),
    "optimizers": ("saddle.optim", "OPTIMIZERS"),
    "schedules": ("saddle.optim", "SCHEDULES"),
}
PATHS = {
    "FOLDER": "images in a folder and the folders in it, whose names become labels",
    "FILE.zip": "the same in an archive",
    "FILE.npz or .npy": "an array of images",
    "idx files": "a folder of them, such as MNIST's, or one; gz and xz too",
    "CIFAR-10": "a folder of the official batches, or of mosaics with a file of labels",
    "hf:OWNER/NAME": "a data set on the Hugging Face hub (extra: data)",
}


def list(words: Sequence[str]) -> None:
    """saddle list [WHAT]: a list, or one value of one."""
    plain, _ = take("list", words, Nothing())
    what = plain[0] if plain else "recipes"
    tell(listed(what))


@light
def listed(what: str) -> str:
    known = ["recipes", *VALUES, "data"]
    if what not in known:
        return one(what, known)
    rows = VALUES.get(what)
    return values(*rows) if rows else recipes() if what == "recipes" else sources()


def recipes() -> str:
    groups = "\n\n".join(
        f"{group}\n{lines(map(row, names), 22)}" for group, names in groupby(RECIPES, lambda name: RECIPES[name].group)
    )
    return f"""{groups}

In brackets, what it trains on without --data, if it is not glyphs.
saddle train RECIPE trains one, saddle show RECIPE tells more; your own is file.py:Name.
saddle list {" | ".join([*VALUES, "data"])}"""


def row(name: str) -> tuple[str, str]:
    summary, data = RECIPES[name].summary, RECIPES[name].data
    return name, summary if data == "glyphs" else f"{summary} ({data})"


def sources() -> str:
    from ..data.named import NAMES

    return f"""Names
{lines(NAMES.items(), 18)}

A name that is a folder in SADDLE_DATA means that folder. Paths
{lines(PATHS.items(), 18)}"""


def values(module: str, name: str) -> str:
    each = "\n".join(f"{called(kind)}\n{lines([('', about(kind))], 2)}" for kind in kinds(module, name))
    return f"{each}\n\nsaddle list NAME tells what the fields of one of them are."


def kinds(module: str, name: str) -> Iterable[type]:
    found: Iterable[type] = getattr(import_module(module), name)
    return found


def one(name: str, lists: Iterable[str]) -> str:
    """A value's class by its name: what it is, and what its fields are."""
    named = {kind.__name__: kind for where in VALUES.values() for kind in kinds(*where)}
    if name not in named:
        raise Mistake(f"there is no list of {name}{nearest(name, lists, named)}")
    kind, helps = named[name], comments(named[name])
    rows = [(f.name if bare(f) else f"{f.name}={f.default!r}", helps.get(f.name, ""))
            for f in dataclasses.fields(kind) if f.init]  # fmt: skip
    return "\n\n".join([called(kind), wrapped(described(kind)), *([f"Fields\n{lines(rows, 26)}"] if rows else [])])


def about(kind: type) -> str:
    """The first paragraph of its docstring, in one line."""
    return " ".join(described(kind).partition("\n\n")[0].split())


def called(kind: type) -> str:
    """A value class as it is written with its defaults."""
    fields = [f for f in dataclasses.fields(kind) if f.init]
    return f"{kind.__name__}({', '.join(f.name if bare(f) else f'{f.name}={f.default!r}' for f in fields)})"


def lines(rows: Iterable[tuple[str, str]], column: int) -> str:
    return "\n".join(table(rows, column))
