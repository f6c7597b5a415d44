"""How long a run is, in images, whatever its length was said in."""

from __future__ import annotations

import statistics
import time
from contextlib import suppress
from typing import Any, NamedTuple

import torch

from ..core import Recipe
from ..data.dataset import Dataset
from ..errors import quoted
from ..memory import enough
from ..runs.settings import Settings
from .lighter import smaller_parts
from .machine import Machine, agreed, processes
from .match import How, Match
from .signals import Abandoned

MEASURED, MOST = 6.0, 30.0  # seconds of playing that tell the speed, and of a machine that is busy with other work
LONG, ALIKE = 20.0, 64  # seconds after which a round is left, and turns after which processes ask one another
OWN = 0.7  # of the time that the processor should be ours
ENOUGH = 0.6  # of the time that was asked for


def length(chosen: Settings, recipe: Recipe[Any], data: Dataset, where: Machine, how: How) -> int:
    """The run's length in images; minutes become what this machine shows in them."""
    if chosen.images is not None:
        Match(recipe, data, chosen.images, where, how)  # refuses now what would fail later
        return chosen.images
    if chosen.epochs is not None:
        Match(recipe, data, 1, where, how)
        return max(1, round(chosen.epochs * len(data)))
    match = Match(recipe, data, 1_000_000, where, how)
    with enough(smaller_parts(recipe, data.shape, how.accumulate)):
        images = minutes(chosen) * 60 * speed(match)
    return max(recipe.batch, round(images / recipe.batch) * recipe.batch)


def too_short(chosen: Settings, images: int, seconds: float, run: object) -> str | None:
    """What to say of a run that was done long before the minutes that were asked for, as its machine was busy before.

    Its length stays what it was, so that it can be repeated.
    """
    if chosen.images is not None or chosen.epochs is not None or seconds > ENOUGH * minutes(chosen) * 60:
        return None
    more = max(1, round((minutes(chosen) * 60 - seconds) * images / max(seconds, 1e-3)))
    return (f"{images:,} images took {seconds:,.0f} s, not {minutes(chosen):g} minutes: the machine was busier when "
            f"its speed was measured; `saddle resume {quoted(run)} --images +{more}` prolongs the run")  # fmt: skip


def minutes(chosen: Settings) -> float:
    """How long the run is to take, where nothing else says how long it is."""
    return 2.0 if chosen.minutes is None else chosen.minutes


class Stretch(NamedTuple):
    """A moment of playing: images shown, seconds taken, the share of them that the processor was ours."""

    images: int
    seconds: float
    own: float = 1.0
    whole: bool = True  # did its last round come to its end?


def speed(match: Match[Any]) -> float:
    """Images per second, played for a moment on a match that is then thrown away.

    The first seconds of a process are its slowest; of the others the middle one counts. While the processor is not
    ours it is played on, and of what was measured the fastest third counts.
    """
    played: list[Stretch] = []
    while (spent := sum(s.seconds for s in played)) < MEASURED or (spent < MOST and played[-1].own < OWN):
        played.append(stretch(match))
        if not played[-1].whole:
            break
    rates = [s.images / s.seconds for s in played[len(played) // 3 :]]
    busy = statistics.median(s.own for s in played) < OWN
    return statistics.median(sorted(rates)[-max(1, len(rates) // 3) :] if busy else rates)


def stretch(match: Match[Any]) -> Stretch:
    """Play for about a second, the same in all processes; a round that takes many is left."""
    first, began, mine = match.feeds[0].position, clock(match), time.thread_time()
    turns, milliseconds, whole = 0, 0, False

    def between() -> None:
        nonlocal turns
        turns += 1
        if turns % (ALIKE if processes() > 1 else 1) == 0 and agreed(int(clock(match) - began > LONG))[0]:
            raise Abandoned

    with suppress(Abandoned):
        while milliseconds < 1000:
            match.play(between)
            milliseconds = agreed(round((clock(match) - began) * 1000))[0]
        whole = True
    wall, worked = clock(match) - began, time.thread_time() - mine
    milliseconds, lost = agreed(round(wall * 1000), round((wall - worked) * 1000))
    own = 1.0 if match.machine.device.type == "cuda" else 1 - lost / milliseconds  # a processor waits for its GPU
    return Stretch(match.feeds[0].position - first, milliseconds / 1000, own, whole)


def clock(match: Match[Any]) -> float:
    if match.machine.device.type == "cuda":
        torch.cuda.synchronize(match.machine.device)
    return time.monotonic()
