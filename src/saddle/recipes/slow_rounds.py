"""How fast a run is whose single round would take minutes, or more memory than there is: told without playing it."""

from __future__ import annotations

from typing import Any

from ..out_of_memory import available_memory
from ..recipe import Recipe
from ..shape import Shape
from ..training.machine import Machine, world_size
from ..training.match import MatchOptions
from ..training.run_length import Speed
from .round_cost import NETWORK_SLOWNESS, RoundCounter, count_round, measure_round_speed, multiplications_per_second

SLOW_SECONDS = 40.0  # that a round is expected to take: it is not played to learn a run's speed


def slow_round_speed(recipe: Recipe[Any], data: Shape, where: Machine, how: MatchOptions,
                     count: RoundCounter | None = None) -> Speed | None:  # fmt: skip
    """The speed of a recipe whose rounds are too long, or too large, to be tried whole here; None for others.

    Of a processor and one process: rounds of smaller batches are played, or where these are too long as well, the
    speed is reckoned from the operations of a round, which `count` tells where others ask for them as well.
    """
    if where.device.type != "cpu" or world_size() > 1:
        return None
    cost = count() if count else count_round(recipe, data, how)
    if cost is None:
        return None
    seconds, free = NETWORK_SLOWNESS * cost.flops / multiplications_per_second(where.device), available_memory()
    if seconds < SLOW_SECONDS and (free is None or cost.bytes <= free):
        return None
    return measure_round_speed(recipe, data, where, cost, how)
