"""How long a run is, in images, whatever its length was said in."""

from __future__ import annotations

import statistics
import time
from typing import Any

import torch

from ..core import Recipe
from ..data.dataset import Dataset
from ..runs.settings import Settings
from .machine import Machine, agreed
from .match import How, Match

MEASURED = 6.0  # seconds of playing that tell the speed


def length(chosen: Settings, recipe: Recipe[Any], data: Dataset, where: Machine, how: How) -> int:
    """The run's length in images; minutes become what this machine shows in them."""
    if chosen.images is not None:
        Match(recipe, data, chosen.images, where, how)  # refuses now what would fail later
        return chosen.images
    if chosen.epochs is not None:
        Match(recipe, data, 1, where, how)
        return max(1, round(chosen.epochs * len(data)))
    minutes = 2.0 if chosen.minutes is None else chosen.minutes
    images = minutes * 60 * speed(Match(recipe, data, 1_000_000, where, how))
    return max(recipe.batch, round(images / recipe.batch) * recipe.batch)


def speed(match: Match[Any]) -> float:
    """Images per second, played for a moment on a match that is then thrown away.

    The first seconds of a process are its slowest; of the others the middle one counts, whatever else the machine does.
    """
    rates, left = [], MEASURED
    while left > 0:
        images, seconds = stretch(match)
        rates.append(images / seconds)
        left -= seconds
    return statistics.median(rates[len(rates) // 3 :])


def stretch(match: Match[Any]) -> tuple[int, float]:
    """Play for about a second; returns the images shown and the seconds taken, the same in all processes."""
    images, began, milliseconds = match.clock.images, clock(match), 0
    while milliseconds < 1000:
        match.play()
        milliseconds = agreed(round((clock(match) - began) * 1000))[0]
    return match.clock.images - images, milliseconds / 1000


def clock(match: Match[Any]) -> float:
    if match.machine.device.type == "cuda":
        torch.cuda.synchronize(match.machine.device)
    return time.monotonic()
