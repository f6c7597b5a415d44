"""One recipe, looked at closely."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..data.prepare import Prepare
from ..light import light
from ..options import typed
from ..recipes import Entry, canonical, find
from .pages import described, introduced, options, table, wrapped
from .saying import say, tell
from .sizes import SIZES
from .training import cited
from .words import take

if TYPE_CHECKING:
    from ..core import Game, Recipe, Shape


@dataclass(frozen=True)
class Showing(Prepare):
    """What data the networks are built for, and how they are made ready."""

    data: str | None = None  # count parameters for this data; the recipe's if not given


def show(words: list[str]) -> None:
    """saddle show RECIPE."""
    (name,), wish = take("show", words, Showing())
    name = canonical(name)
    tell(*(known(name) if wish == Showing() and name in SIZES else counted(name, wish)))


@light
def known(name: str) -> tuple[str, ...]:
    """A listed recipe on its own data, whose players were counted before."""
    from ..core import Shape

    shape, counts = SIZES[name]
    return told(name, *find(name), Shape(*shape), counts)


def counted(name: str, wish: Showing) -> tuple[str, ...]:
    light(find)(name)  # refused before torch is imported
    recipe, entry = find(name)
    shape = shaped(wish, entry)
    return told(name, recipe, entry, shape, players(recipe, shape))


def told(name: str, recipe: Recipe[Any], entry: Entry, shape: Shape, counts: Mapping[str, int]) -> tuple[str, ...]:
    kinds = dict.fromkeys(type(value) for value in inside(recipe))
    terms = table(((kind.__name__, " ".join(described(kind).split())) for kind in kinds), 22)
    players = table(((player, f"{count:,} parameters") for player, count in counts.items()), 22)
    about = f"{name}: {cited(recipe)}\n\n{introduced(recipe, entry)}".rstrip()
    quick = f"\n\nOn {entry.data}, where two minutes must do: {typed(entry.quick)}" if entry.quick else ""
    return (wrapped(about), "Fields\n" + options(recipe) + quick, "In words\n" + "\n".join(terms),
            f"Players for {shape}\n" + "\n".join(players))  # fmt: skip


def inside(value: Any) -> Iterator[object]:
    """The values in a value's fields, at any depth: objective, penalties, networks, schedules."""
    parts = value if isinstance(value, tuple) else [getattr(value, f.name) for f in dataclasses.fields(value)]
    for part in parts:
        if dataclasses.is_dataclass(part):
            yield part
        if dataclasses.is_dataclass(part) or isinstance(part, tuple):
            yield from inside(part)


def shaped(wish: Showing, entry: Entry) -> Shape:
    """One sample's shape: what was said, and what was not from the data."""
    from ..core import Shape

    size = wish.size or (entry.size if wish.data is None else None)
    if wish.data is None and size and wish.channels:
        return Shape(wish.channels, size, size)
    from ..data import open_data
    from ..data.sources import unmistakable

    source = unmistakable(entry.data) if wish.data is None else wish.data
    given = {field.name: getattr(wish, field.name) for field in dataclasses.fields(Prepare)}
    try:
        return open_data(source, Prepare(**given | {"size": size}), say, suits=seen).shape
    except Seen as known:
        return known.shape


class Seen(Exception):
    """Reading goes no further than to the shape of samples."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape


def seen(shape: Shape, most: int | None) -> None:
    raise Seen(shape)


def players(recipe: Recipe[Any], shape: Shape) -> dict[str, int]:
    """How many numbers each player learns, counted without making them."""
    import torch

    from ..layers.initial import Undrawn

    with torch.device("meta"), Undrawn():
        return sizes(recipe.game(shape))


def sizes(game: Game[Any]) -> dict[str, int]:
    """How many numbers each player learns."""
    own = {name: sum(p.numel() for p in child.parameters() if p.requires_grad) for name, child in game.named_children()}
    return {name: size for name, size in own.items() if size}
