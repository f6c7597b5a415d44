"""What a game can do is asked for here: a refusal says what it can, and which recipes can do what was asked."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ..capabilities import check_style, describe_capabilities, find_capability, style_options
from ..core import Game
from ..errors import Mistake
from ..games import rebuilding
from ..networks.base import autoencodes
from ..recipe import Recipe
from . import RECIPES, find_recipe

NAMED_RECIPES = 3  # that a refusal names


def ask(game: Game[Any], protocol: type, style: Mapping[str, object]) -> Callable[..., Any]:
    """The method of a game that does it, in this style; Mistake where it has none, or no such style."""
    if not isinstance(game, protocol):
        raise lacking(type(game), protocol)
    check_style(game, protocol, style)
    return partial(getattr(game, find_capability(protocol).method), **style)


def lacking(kind: type, protocol: type) -> Mistake:
    """What a class of games can do, and which recipes can do what was asked of it."""
    wanted, names = find_capability(protocol), recipes_that(protocol)
    who = f"the recipes {name_some(names)} can" if names else "no listed recipe can"
    does = f"it can {describe_capabilities(kind)}"
    return Mistake(f"this run cannot {wanted.verb} {wanted.object}; {does}, and {who} {wanted.verb}")


def name_some(names: Sequence[str]) -> str:
    """The first of recipes, and how many there are besides."""
    more = f" and {len(names) - NAMED_RECIPES} more" if len(names) > NAMED_RECIPES else ""
    return f"{', '.join(names[:NAMED_RECIPES])}{more}"


def recipes_that(protocol: type) -> list[str]:
    """The listed recipes whose games can do it, in the order of `saddle list`."""
    return [name for name in RECIPES if issubclass(game_class(find_recipe(name)[0]), protocol)]


def recipes_with_style(protocol: type, option: str) -> list[str]:
    """The listed recipes whose games can do it in a style of this name."""
    able = recipes_that(protocol)
    return [name for name in able if option in style_options(game_class(find_recipe(name)[0]), protocol)]


def game_class(recipe: Recipe[Any]) -> type:
    """The class of games that a recipe says it makes, and plays with its networks: none is made, which takes long."""
    hint: type = typing.get_type_hints(type(recipe).game).get("return", Game)
    kind = typing.get_origin(hint) or hint
    return rebuilding(kind) if autoencodes(getattr(recipe, "networks", None)) else kind
