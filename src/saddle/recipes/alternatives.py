"""What else might stand in a recipe's fields, next to what does: the nearest first, by what it costs to give up."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from math import lcm, log
from typing import Any, cast

from ..errors import Mistake
from ..games import AccuracyGate, Free, Turns
from ..hints import field_types, fits_type
from ..image_size import size_of_form, written_size
from ..layers.augment import ADA, Augment
from ..layers.views import Noise
from ..networks import (
    CONDITIONAL_NETWORKS,
    UNCONDITIONAL_NETWORKS,
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
    ResNet,
    TextLSTM,
)
from ..networks.base import Wrapped
from ..networks.cgan import Conditional
from ..networks.patch_gan import HALVINGS, PatchJudged
from ..objectives import CriticAlone, NonSaturating
from ..optim import SGD
from ..penalties import R1, FeatureMatching
from ..recipe import Networks, Recipe
from ..shape import Picture, Shape

Alternative = tuple[float, dict[str, Any]]  # its cost; fields or settings, and what would stand there
BOUNDARIES = (0.5, -0.5, -5.0)  # scores that may part reals from fakes
MAX_ENLARGEMENT = 4  # times the side, at most
ANOTHER_FORM = 0.3  # what a square costs in place of a rectangle
GLYPHS_SIZE = (32, 32)  # where there were no pictures
COMMON_SIDES = (8, 16, 28, 32, 64, 128, 256, 512, 1024)


def alternatives(recipe: Recipe[Any], data: Shape, accumulate: int, most: int | None) -> Iterator[Alternative]:
    """One change each; a field that the recipe has not is left alone."""
    own = {field.name for field in dataclasses.fields(recipe)}  # type: ignore[arg-type]
    yield from size_alternatives(recipe, data, accumulate, most)
    if "networks" in own:
        now, hint = recipe.networks, field_types(type(recipe))["networks"]  # type: ignore[attr-defined]
        for cost, value in network_alternatives(now, data):
            if value != now and fits_type(value, hint):
                yield cost, {"networks": value}
    for cost, fields in slot_alternatives(recipe, own):
        if any(value != getattr(recipe, field) for field, value in fields.items()):
            yield cost, fields


def size_alternatives(recipe: Recipe[Any], data: Shape, accumulate: int, most: int | None) -> Iterator[Alternative]:
    """Of parts, batches and pictures."""
    for parts in range(accumulate - 1, 0, -1):
        if recipe.batch % parts == 0:
            yield 0.5 + 0.01 * (accumulate - parts), {"accumulate": parts}
    packs = lcm(*(pair.size for pair in iter_pairs(getattr(recipe, "networks", None)) if isinstance(pair, Packed)))
    for rows in (1, 2):
        unit = rows * packs * accumulate
        for units in {round(recipe.batch / unit), recipe.batch // unit, (most or recipe.batch) // unit}:
            batch = unit * max(units, 1)
            yield 0.8 + 0.01 * rows + abs(log(batch / recipe.batch)) / 10, {"batch": batch}
    if not data.points and data.text is None:
        side = min(data.height, data.width)
        for size in {*COMMON_SIDES, 8 * max(round(side / 8), 1)} - ({side} if data.height == data.width else set()):
            if size <= MAX_ENLARGEMENT * max(side, COMMON_SIDES[0]):
                cost = 2 + abs(log(size / side)) / 4
                yield cost + ANOTHER_FORM * (data.height != data.width), {"size": size}
                if data.height != data.width:
                    yield cost, {"size": written_size(size_of_form(size, size // 4, data.width / data.height))}
    if not data.points and data.text is None and data.height != data.width:
        for times in range(2, MAX_ENLARGEMENT + 1):  # of this very form
            yield 2 + log(times) / 4, {"size": written_size((times * data.height, times * data.width))}
    if not data.classes and data.text is None and not isinstance(data.condition, Picture):
        sides = GLYPHS_SIZE if data.points else (data.height, data.width)
        yield 13.0 if data.points else 2.55, {"data": "glyphs", "size": written_size(sides)}


def smaller_fields(pair: Any) -> list[int]:
    """Patches that networks could judge in the place of their own, the nearest first."""
    return [field for field in reversed(HALVINGS) if isinstance(pair, PatchJudged) and field < pair.field]


def iter_pairs(pair: Any) -> Iterator[Any]:
    """A pair, and what it is made of."""
    yield pair
    for name in ("base", "generator_of", "critic_of"):
        if hasattr(pair, name):
            yield from iter_pairs(getattr(pair, name))


def network_alternatives(now: Networks, data: Shape) -> Iterator[tuple[float, Networks]]:
    """Pairs like this one: with other settings, in or out of another, of another kind."""
    yield 1.0, map_pair(now, without_batch_norm)
    yield from ((0.9, dataclasses.replace(cast(Any, now), field=field)) for field in smaller_fields(now))
    yield (
        1.1,
        map_pair(now, lambda pair: dataclasses.replace(pair, shares=(0.5,)) if isinstance(pair, Dropped) else pair),
    )
    plain = map_pair(now, lambda pair: drop_labels(pair, data))
    yield 1.3, Concatenated(plain)
    for wrap in (Opposed, Classifying, Dropped):
        yield 1.5, wrap(now)
    yield from ((2.7, wrap(plain)) for wrap in (Opposed, Classifying))
    for kind in {type(pair) for pair in iter_pairs(now) if isinstance(pair, Wrapped)}:
        yield 2.5, map_pair(now, partial(unwrap_pair, kind=kind))
    yield 2.6, plain
    for i, other in enumerate(base_networks(data)):
        yield 3 + i / 10, map_pair(now, partial(replace_innermost, other=other))
        yield 3.4 + i / 10, map_pair(plain, partial(replace_innermost, other=other))
        yield 4 + i / 10, with_width_of(now, other)
        yield from ((4.5 + i / 10, wrap(with_width_of(now, other))) for wrap in (Opposed, Classifying, Concatenated))


def base_networks(data: Shape) -> tuple[Any, ...]:
    """What pairs are made of, for such data, without layers that mix samples; the last autoencode."""
    if data.text is not None:
        return (TextLSTM(),)
    if data.points:
        return Perceptron(), DenseAutoencoding()
    dense = Perceptron(latent=100), DenseAutoencoding()
    return Convolutional(normal=False), Convolutional5(normal_generator=False), *dense


def map_pair(pair: Any, change: Callable[[Any], Any]) -> Any:
    """A pair with a change made to it, and to all that it is made of, from the inside out."""
    parts = {name: map_pair(getattr(pair, name), change) for name in ("base", "generator_of", "critic_of")
             if hasattr(pair, name)}  # fmt: skip
    try:
        return change(dataclasses.replace(pair, **parts) if parts else pair)
    except Mistake:
        return pair


def without_batch_norm(pair: Any) -> Any:
    return dataclasses.replace(pair, normal=False) if hasattr(pair, "normal") else pair


def unwrap_pair(pair: Any, kind: type[Any]) -> Any:
    """What is in a pair of this kind."""
    return pair.base if type(pair) is kind else pair


def drop_labels(pair: Any, data: Shape) -> Any:
    """A pair that is told no class."""
    if isinstance(pair, ResNet):
        head: Any = {"projection": "sum", "classes": "mean"}.get(pair.head, pair.head)
        return dataclasses.replace(pair, conditional=False, head=head)
    if isinstance(pair, CONDITIONAL_NETWORKS):
        return with_width_of(pair, base_networks(data)[0])
    return pair.base if isinstance(pair, Conditional) else pair


def replace_innermost(pair: Any, other: Any) -> Any:
    """Another pair for one that is made of none."""
    return pair if isinstance(pair, Wrapped | Pair) else with_width_of(pair, other)


def with_width_of(pair: Any, other: Any) -> Any:
    """The other one, as wide as this one was made where that was said."""
    inner = next(
        (part for part in iter_pairs(pair) if isinstance(part, UNCONDITIONAL_NETWORKS + CONDITIONAL_NETWORKS)), None
    )
    usual = type(inner)() if inner is not None else None
    said = {name: getattr(inner, name) for name in ("latent", "width")
            if hasattr(other, name) and getattr(inner, name, None) != getattr(usual, name, None)}  # fmt: skip
    return dataclasses.replace(other, **said)


def slot_alternatives(recipe: Any, own: set[str]) -> Iterator[Alternative]:
    """What might stand in the other slots."""
    plain: dict[str, Any] = {"turns": Turns(), "constraint": Free(), "inner": SGD(0.01)}
    yield from ((2.0, {slot: value}) for slot, value in plain.items() if slot in own)
    if "gate" in own and isinstance(recipe.gate, AccuracyGate):
        for i, boundary in enumerate(BOUNDARIES):
            yield 2.2 + i / 10, {"gate": dataclasses.replace(recipe.gate, boundary=boundary)}
    if "gate" in own:
        yield 4.4, {"gate": None}
    if "objective" in own:
        alone = isinstance(recipe.objective, CriticAlone)
        yield (2.3, {"objective": recipe.objective.base}) if alone else (4.5, {"objective": NonSaturating()})
    if {"penalties", "generator_penalties"} <= own:
        yield 2.0, {"generator_penalties": (*recipe.generator_penalties, FeatureMatching())}
        yield from penalty_alternatives(recipe, "penalties", "generator_penalties")
        yield from penalty_alternatives(recipe, "generator_penalties", "penalties")
    if "views" in own:
        yield from view_alternatives(recipe.views)


def penalty_alternatives(recipe: Any, field: str, other: str) -> Iterator[Alternative]:
    """A term of the other player's loss, another one, or one fewer."""
    now = getattr(recipe, field)
    for i, penalty in enumerate(now):
        rest = now[:i] + now[i + 1 :]
        yield 1.0, {field: rest, other: (*getattr(recipe, other), penalty)}
        if penalty.input_grad == "elsewhere":
            yield 2.4, {field: (*now[:i], R1(), *now[i + 1 :])}
        yield 6.0, {field: rest}


def view_alternatives(now: tuple[Any, ...]) -> Iterator[Alternative]:
    """What the critic sees: noise, augmentation of a fixed strength, less."""
    yield 2.0, {"views": (*now, Noise(0.1))}
    for i, view in enumerate(now):
        instead: list[tuple[float, tuple[Any, ...]]] = [(6.0, ())]
        if isinstance(view, ADA):
            instead += [(2.2 + j / 5, (dataclasses.replace(view, boundary=b),)) for j, b in enumerate(BOUNDARIES)]
            instead += [(2.3, (Augment(0.3, view.pipe),))]
        yield from ((cost, {"views": (*now[:i], *those, *now[i + 1 :])}) for cost, those in instead)
