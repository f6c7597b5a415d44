"""The classes whose values can be written in a recipe, on the command line and in a manifest."""

from __future__ import annotations

import dataclasses
from importlib import import_module

from ..games import SLOTS
from ..layers import PRIORS
from ..layers.views import VIEWS
from ..networks import NETWORKS
from ..objectives import OBJECTIVES
from ..optim import OPTIMIZERS, SCHEDULES
from ..penalties import PENALTIES
from . import RECIPES, Entry, find

PAPERS: tuple[type, ...] = tuple(dict.fromkeys(type(find(name)[0]) for name in RECIPES))
KINDS: tuple[type, ...] = (
    *OBJECTIVES, *PENALTIES, *PRIORS, *VIEWS, *NETWORKS, *SLOTS, *OPTIMIZERS, *SCHEDULES, *PAPERS,
)  # fmt: skip


def kinds(entry: Entry) -> tuple[type, ...]:
    """All of those, and the dataclasses of the module in which a recipe was found."""
    here = vars(import_module(entry.module)).values()
    own = (thing for thing in here if isinstance(thing, type) and dataclasses.is_dataclass(thing))
    return tuple(dict.fromkeys((*KINDS, *own)))
