"""What else might stand in a recipe's fields, next to what does: the nearest first, by what it costs to give up."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from math import lcm, log
from typing import Any

from ..core import Mistake, Networks, Recipe, Shape
from ..games import AccuracyGate, Free, Turns
from ..layers.augment import ADA, Augment
from ..layers.views import Noise
from ..networks import (
    ALONE,
    TOLD,
    Classifying,
    Concatenated,
    Convolutional,
    Convolutional5,
    DenseAutoencoding,
    Dropped,
    Opposed,
    Packed,
    Pair,
    Perceptron,
)
from ..networks.conditional import Conditional
from ..networks.ends import Wrapped
from ..objectives import CriticAlone, NonSaturating
from ..optim import SGD
from ..penalties import R1, FeatureMatching

Alternative = tuple[float, dict[str, Any]]  # its cost; fields or settings, and what would stand there
BOUNDARIES = (0.5, -0.5, -5.0)  # scores that may part reals from fakes
LARGER = 4  # times the side, at most
SIZES = (8, 16, 28, 32, 64, 128, 256, 512, 1024)


def alternatives(recipe: Recipe[Any], data: Shape, accumulate: int, most: int | None) -> Iterator[Alternative]:
    """One change each; a field that the recipe has not is left alone."""
    own = {field.name for field in dataclasses.fields(recipe)}  # type: ignore[arg-type]
    yield from sizes(recipe, data, accumulate, most)
    if "networks" in own:
        now = recipe.networks  # type: ignore[attr-defined]
        for cost, value in networks(now, data):
            if value != now:
                yield cost, {"networks": value}
    for cost, fields in others(recipe, own):
        if any(value != getattr(recipe, field) for field, value in fields.items()):
            yield cost, fields


def sizes(recipe: Recipe[Any], data: Shape, accumulate: int, most: int | None) -> Iterator[Alternative]:
    """Of parts, batches and pictures."""
    for parts in range(accumulate - 1, 0, -1):
        if recipe.batch % parts == 0:
            yield 0.5 + 0.01 * (accumulate - parts), {"accumulate": parts}
    packs = lcm(*(pair.size for pair in within(getattr(recipe, "networks", None)) if isinstance(pair, Packed)))
    for rows in (1, 2):
        unit = rows * packs * accumulate
        for units in {round(recipe.batch / unit), recipe.batch // unit, (most or recipe.batch) // unit}:
            batch = unit * max(units, 1)
            yield 0.8 + 0.01 * rows + abs(log(batch / recipe.batch)) / 10, {"batch": batch}
    if not data.points:
        side = min(data.height, data.width)
        for size in {*SIZES, 8 * max(round(side / 8), 1)} - {side}:
            if size <= LARGER * max(side, SIZES[0]):
                yield 2 + abs(log(size / side)) / 4, {"size": size}
    if not data.classes and not data.points:
        yield 2.55, {"data": "glyphs", "size": data.height}


def within(pair: Any) -> Iterator[Any]:
    """A pair, and what it is made of."""
    yield pair
    for name in ("base", "generator_of", "critic_of"):
        if hasattr(pair, name):
            yield from within(getattr(pair, name))


def networks(now: Networks, data: Shape) -> Iterator[tuple[float, Networks]]:
    """Pairs like this one: with other settings, in or out of another, of another kind."""
    yield 1.0, each(now, unnormal)
    yield 1.1, each(now, lambda pair: dataclasses.replace(pair, shares=(0.5,)) if isinstance(pair, Dropped) else pair)
    plain = each(now, lambda pair: untold(pair, data))
    yield 1.3, Concatenated(plain)
    for wrap in (Opposed, Classifying, Dropped):
        yield 1.5, wrap(now)
    yield from ((2.7, wrap(plain)) for wrap in (Opposed, Classifying))
    for kind in {type(pair) for pair in within(now) if isinstance(pair, Wrapped)}:
        yield 2.5, each(now, partial(out_of, kind=kind))
    yield 2.6, plain
    for i, other in enumerate(kinds(data)):
        yield 3 + i / 10, each(now, partial(leaf, other=other))
        yield 3.4 + i / 10, each(plain, partial(leaf, other=other))
        yield 4 + i / 10, like(now, other)
        yield from ((4.5 + i / 10, wrap(like(now, other))) for wrap in (Opposed, Classifying, Concatenated))


def kinds(data: Shape) -> tuple[Any, ...]:
    """What pairs are made of, for such data, without layers that mix samples; the last autoencode."""
    if data.points:
        return Perceptron(), DenseAutoencoding()
    dense = Perceptron(latent=100), DenseAutoencoding()
    return Convolutional(normal=False), Convolutional5(normal_generator=False), *dense


def each(pair: Any, change: Callable[[Any], Any]) -> Any:
    """A pair with a change made to it, and to all that it is made of, from the inside out."""
    parts = {name: each(getattr(pair, name), change) for name in ("base", "generator_of", "critic_of")
             if hasattr(pair, name)}  # fmt: skip
    try:
        return change(dataclasses.replace(pair, **parts) if parts else pair)
    except Mistake:
        return pair


def unnormal(pair: Any) -> Any:
    return dataclasses.replace(pair, normal=False) if hasattr(pair, "normal") else pair


def out_of(pair: Any, kind: type[Any]) -> Any:
    """What is in a pair of this kind."""
    return pair.base if type(pair) is kind else pair


def untold(pair: Any, data: Shape) -> Any:
    """A pair that is told no class."""
    if isinstance(pair, TOLD):
        return like(pair, kinds(data)[0])
    return pair.base if isinstance(pair, Conditional) else pair


def leaf(pair: Any, other: Any) -> Any:
    """Another pair for one that is made of none."""
    return pair if isinstance(pair, Wrapped | Pair) else like(pair, other)


def like(pair: Any, other: Any) -> Any:
    """The other one, as wide as this one was made where that was said."""
    inner = next((part for part in within(pair) if isinstance(part, ALONE + TOLD)), None)
    usual = type(inner)() if inner is not None else None
    said = {name: getattr(inner, name) for name in ("latent", "width")
            if hasattr(other, name) and getattr(inner, name, None) != getattr(usual, name, None)}  # fmt: skip
    return dataclasses.replace(other, **said)


def others(recipe: Any, own: set[str]) -> Iterator[Alternative]:
    """What might stand in the other slots."""
    plain: dict[str, Any] = {"turns": Turns(), "constraint": Free(), "inner": SGD(0.01)}
    yield from ((2.0, {slot: value}) for slot, value in plain.items() if slot in own)
    if "gate" in own and isinstance(recipe.gate, AccuracyGate):
        for i, boundary in enumerate(BOUNDARIES):
            yield 2.2 + i / 10, {"gate": dataclasses.replace(recipe.gate, boundary=boundary)}
    if "objective" in own:
        alone = isinstance(recipe.objective, CriticAlone)
        yield (2.3, {"objective": recipe.objective.base}) if alone else (4.5, {"objective": NonSaturating()})
    if {"penalties", "generator_penalties"} <= own:
        yield 2.0, {"generator_penalties": (*recipe.generator_penalties, FeatureMatching())}
        yield from penalties(recipe, "penalties", "generator_penalties")
        yield from penalties(recipe, "generator_penalties", "penalties")
    if "views" in own:
        yield from views(recipe.views)


def penalties(recipe: Any, field: str, other: str) -> Iterator[Alternative]:
    """A term of the other player's loss, another one, or one fewer."""
    now = getattr(recipe, field)
    for i, penalty in enumerate(now):
        rest = now[:i] + now[i + 1 :]
        yield 1.0, {field: rest, other: (*getattr(recipe, other), penalty)}
        if penalty.slopes == "elsewhere":
            yield 2.4, {field: (*now[:i], R1(), *now[i + 1 :])}
        yield 6.0, {field: rest}


def views(now: tuple[Any, ...]) -> Iterator[Alternative]:
    """What the critic sees: noise, augmentation of a fixed strength, less."""
    yield 2.0, {"views": (*now, Noise(0.1))}
    for i, view in enumerate(now):
        instead: list[tuple[float, tuple[Any, ...]]] = [(6.0, ())]
        if isinstance(view, ADA):
            instead += [(2.2 + j / 5, (dataclasses.replace(view, boundary=b),)) for j, b in enumerate(BOUNDARIES)]
            instead += [(2.3, (Augment(0.3, view.pipe),))]
        yield from ((cost, {"views": (*now[:i], *those, *now[i + 1 :])}) for cost, those in instead)
