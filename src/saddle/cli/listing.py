"""What there is."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from importlib import import_module
from itertools import groupby

from ..errors import Mistake, nearest
from ..hints import bare
from ..recipes import RECIPES
from .pages import described, table
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
    """saddle list [WHAT]."""
    plain, _ = take("list", words, Nothing())
    what = plain[0] if plain else "recipes"
    known = ["recipes", *VALUES, "data"]
    if what not in known:
        raise Mistake(f"there is no list of {what}{nearest(what, known)}")
    rows = VALUES.get(what)
    print(values(*rows) if rows else recipes() if what == "recipes" else sources())


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
    kinds: Iterable[type] = getattr(import_module(module), name)
    return "\n".join(f"{called(kind)}\n{lines([('', about(kind))], 2)}" for kind in kinds)


def about(kind: type) -> str:
    """The first paragraph of its docstring, in one line."""
    return " ".join(described(kind).partition("\n\n")[0].split())


def called(kind: type) -> str:
    """A value class as it is written with its defaults."""
    fields = [f for f in dataclasses.fields(kind) if f.init]
    return f"{kind.__name__}({', '.join(f.name if bare(f) else f'{f.name}={f.default!r}' for f in fields)})"


def lines(rows: Iterable[tuple[str, str]], column: int) -> str:
    return "\n".join(table(rows, column))
