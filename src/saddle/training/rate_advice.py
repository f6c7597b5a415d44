"""What may keep finite what became infinite: smaller steps, as options that can be typed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from ..recipe import Recipe

SMALLER = 10  # times


def suggest_lower_rates(recipe: Recipe[Any]) -> str:
    """A new run at a tenth of each learning rate that a field of the recipe holds; nothing where none does."""
    rates = " ".join(f"--{option.replace('_', '-')} {rate:g}" for option, rate in lower_rates(recipe).items())
    return f"a new run may stay finite at a tenth of the rate, with {rates}" if rates else ""


def lower_rates(recipe: Recipe[Any]) -> dict[str, float]:
    """The options of a recipe's optimizers, and a tenth of each rate that is a number."""
    fields = dataclasses.fields(recipe)  # type: ignore[arg-type]
    found = {field.name: list(learning_rates(getattr(recipe, field.name))) for field in fields}
    return {f"{name}.lr": rate / SMALLER for name, rates in found.items() for rate in rates[:1]}


def learning_rates(value: object) -> Iterator[float]:
    """The rate of an optimizer, or of what it is made of."""
    rate = getattr(value, "lr", None)
    if isinstance(rate, int | float):
        yield rate
    elif (base := getattr(value, "base", None)) is not None:
        yield from learning_rates(base)
