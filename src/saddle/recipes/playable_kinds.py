"""Which classes a refusal names: those whose values can be played where they would stand, and no others."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ..batches import batch_shape, required_columns
from ..errors import Mistake
from ..hints import describe_type, example_text
from ..image_size import SizeText
from ..light import require_torch
from ..recipe import Recipe
from ..shape import Shape
from ..wrong_kind import WrongKind
from . import RecipeEntry
from .assumed import assumed_columns

Options = Mapping[str, str]


@contextmanager
def name_playable_kinds(recipe: Recipe[Any], entry: RecipeEntry, options: Options, source: str | None = None,
                        size: SizeText | None = None) -> Iterator[None]:  # fmt: skip
    """What is refused in here for its class is refused with classes that were tried, on such data, a round each."""
    try:
        yield
    except WrongKind as refusal:
        if not refusal.option or not refusal.kinds:
            raise
        require_torch()
        data = batch_shape(recipe.batch_type, assumed_columns(entry, required_columns(recipe.batch_type), source, size))
        raise retold(refusal, recipe, entry, options, data) from None


def retold(refusal: WrongKind, recipe: Recipe[Any], entry: RecipeEntry, options: Options, data: Shape) -> Mistake:
    """The refusal with those classes that can be played beside the other options, or without these; or none."""
    others = {option: text for option, text in options.items() if option.replace("-", "_") != refusal.option}

    def plays(beside: Options, text: str) -> bool | None:
        return is_playable(recipe, entry, {**beside, refusal.option: text}, data)

    for kind in refusal.near(refusal.kinds):  # of a slip the nearest that can be played is enough
        if plays(others, refusal.renamed(kind)) or plays(others, example_of(refusal, kind)):
            return Mistake(refusal.sentence({kind: refusal.kinds[kind]}))
    texts = {kind: example_of(refusal, kind) for kind in refusal.kinds}
    for beside in (others, {}) if others else ({},):
        tried = {kind: plays(beside, text) for kind, text in texts.items()}
        if any(tried.values()):
            return Mistake(refusal.sentence({kind: refusal.kinds[kind] for kind, right in tried.items() if right}))
    if None in tried.values():
        return refusal  # of which the option has more than one
    if describe_type(refusal.hint, {}) != describe_type(object(), {}):  # numbers or words may stand there, too
        return Mistake(refusal.sentence({}))
    if not is_playable(recipe, entry, others, data):
        return refusal  # for another reason, which comes next
    flag = f"--{refusal.option.replace('_', '-')}"
    return Mistake(f"{refusal.name} is {refusal.given}, in whose place no other can be played; leave out {flag}")


def example_of(refusal: WrongKind, kind: str) -> str:
    """The option's text with such a value, as it is without further words, where the wrong one stood."""
    return refusal.with_instead(example_text(refusal.kinds[kind], refusal.table))


def is_playable(recipe: Recipe[Any], entry: RecipeEntry, options: Options, data: Shape) -> bool | None:
    """Can a round be played with these options? None where another of them is of a wrong class, too."""
    from ..training.machine import find_machine, preserved_globals
    from .rehearsal import rehearse
    from .revive import override_recipe

    with warnings.catch_warnings(action="ignore"), preserved_globals():  # of what was only tried
        try:
            rehearse(override_recipe(recipe, entry, options), data, find_machine("cpu", "float32"), fully=False)
        except WrongKind:
            return None
        except Mistake:
            return False
    return True
