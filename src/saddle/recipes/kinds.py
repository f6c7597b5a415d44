"""The classes whose values can be written in a recipe, on the command line and in a manifest."""

from __future__ import annotations

import dataclasses
from importlib import import_module

from ..averaging import AVERAGES
from ..games import GAME_VALUES
from ..layers import PRIORS
from ..layers.latent_codes import LatentCodes
from ..layers.noise_levels import LevelAugment, NestedNoise
from ..layers.views import VIEWS
from ..networks import NETWORKS
from ..objectives import LIKELIHOODS, OBJECTIVES
from ..optim import OPTIMIZERS, SCHEDULES
from ..penalties import PENALTIES
from ..plugged import plugged_types
from . import RECIPES, RecipeEntry, find_recipe

RECIPE_TYPES: tuple[type, ...] = tuple(dict.fromkeys(type(find_recipe(name)[0]) for name in RECIPES))
VALUE_TYPES: tuple[type, ...] = (
    *OBJECTIVES, *LIKELIHOODS, *PENALTIES, *PRIORS, LatentCodes, *VIEWS, NestedNoise, LevelAugment, *NETWORKS,
    *GAME_VALUES, *OPTIMIZERS, *SCHEDULES, *AVERAGES, *RECIPE_TYPES,
)  # fmt: skip


def find_value_types(entry: RecipeEntry) -> tuple[type, ...]:
    """All of those, the dataclasses of the module in which a recipe was found, and those of plugins."""
    here = vars(import_module(entry.module)).values()
    own = (thing for thing in here if isinstance(thing, type) and dataclasses.is_dataclass(thing))
    return tuple(dict.fromkeys((*VALUE_TYPES, *plugged_types(), *own)))
