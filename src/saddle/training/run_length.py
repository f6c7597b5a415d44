"""How long a run is, in images, whatever its length was said in."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from ..data.dataset import Dataset
from ..devices import is_gpu, synchronize
from ..errors import quote_for_shell
from ..out_of_memory import catch_out_of_memory
from ..recipe import Recipe, Stage
from ..runs.settings import Settings
from ..shape import Shape
from ..stages import plan_stages, stage_starts
from .machine import Machine, all_reduce_max, world_size
from .match import Match, MatchOptions
from .signals import WorkAbandoned

MIN_SPEED_SECONDS, MAX_SPEED_SECONDS = (
    6.0,
    30.0,
)  # seconds of playing that tell the speed, and of a machine that is busy with other work
LONG_ROUND_SECONDS, TURNS_BETWEEN_VOTES = (
    20.0,
    64,
)  # seconds after which a round is left, and turns after which processes ask one another
MIN_STAGE_SECONDS = 2.0  # of those, in each of a run's stages
ASSUMED_IMAGES = 1_000_000_000  # of a run whose speed is measured: no stage that is a share of it ends meanwhile
MIN_PROCESSOR_SHARE = 0.7  # of the time that the processor should be ours
MIN_TIME_SHARE = 0.6  # of the time that was asked for

StageLoad = tuple[Shape, int]  # what it plays at, and in batches of how many


class Speed(NamedTuple):
    """Images shown to the critic in a second; measured on rounds of so many images, or else reckoned."""

    images_per_second: float
    batch: int
    measured: bool
    made_up: bool = True  # of samples made up for it, not of the run's data


class RunLength(NamedTuple):
    """In images, and the speed that it was reckoned by, on the whole run; None where no speed was asked for."""

    images: int
    speed: Speed | None = None


def resolve_length(chosen: Settings, recipe: Recipe[Any], data: Dataset, where: Machine, how: MatchOptions,
                   slow_speed: Callable[[], Speed | None] = lambda: None) -> RunLength:  # fmt: skip
    """The run's length; minutes become the images that this machine shows in them.

    `slow_speed`: the speed where rounds are too long or too large to be played for it.
    """
    if chosen.images is not None:
        Match(recipe, data, chosen.images, where, how)  # refuses now what would fail later
        return RunLength(chosen.images)
    if chosen.epochs is not None:
        images = max(1, round(chosen.epochs * len(data)))
        Match(recipe, data, images, where, how)
        return RunLength(images)
    match = Match(recipe, data, ASSUMED_IMAGES, where, how)
    with catch_out_of_memory(match.suggest_smaller_batches()):
        known = slow_speed()
        speeds = measure_speeds(match) if known is None else {stage_load(match.stages[-1]): known.images_per_second}
    seconds = requested_minutes(chosen) * 60
    played = images_within(seconds, recipe, match.shape, speeds)
    speed = known or Speed(played / seconds, recipe.batch, measured=True, made_up=False)
    return RunLength(max(recipe.batch, round(played / recipe.batch) * recipe.batch), speed)


def describe_short_run(chosen: Settings, images: int, seconds: float, run: object,
                       fits: Callable[[int], bool] = lambda more: True) -> str | None:  # fmt: skip
    """What to say of a run that was done long before the minutes that were asked for, as its machine was busy before.

    Its length stays what it was, so that it can be repeated. `fits`: may it be longer by so many images?
    """
    if (
        chosen.images is not None
        or chosen.epochs is not None
        or seconds > MIN_TIME_SHARE * requested_minutes(chosen) * 60
    ):
        return None
    more = max(1, round((requested_minutes(chosen) * 60 - seconds) * images / max(seconds, 1e-3)))
    longer = f"; `saddle resume {quote_for_shell(run)} --images +{more}` prolongs the run" if fits(more) else ""
    return (f"{images:,} images took {seconds:,.0f} s, not {requested_minutes(chosen):g} minutes: the machine was "
            f"busier when its speed was measured{longer}")  # fmt: skip


def requested_minutes(chosen: Settings) -> float:
    """How long the run is to take, where nothing else says how long it is."""
    return 2.0 if chosen.minutes is None else chosen.minutes


class Stretch(NamedTuple):
    """A moment of playing: images shown, seconds taken, the share of them that the processor was ours."""

    images: int
    seconds: float
    own: float = 1.0
    whole: bool = True  # did its last round come to its end?


def measure_speeds(match: Match[Any]) -> dict[StageLoad, float]:
    """Images per second in each stage, played for a moment on a match that is then thrown away."""
    starts = {stage_load(match.stages[clock.stage]): clock for clock in stage_starts(match.stages, match.total)}
    seconds = max(MIN_SPEED_SECONDS / len(starts), MIN_STAGE_SECONDS)
    speeds: dict[StageLoad, float] = {}
    for load, clock in starts.items():
        match.tell_time(clock.round, clock.images)
        match.begin_stage()
        speeds[load] = measure_speed(match, seconds)
    return speeds


def stage_load(stage: Stage) -> StageLoad:
    """What a stage's speed hangs on."""
    return stage.data, stage.batch


def images_within(seconds: float, recipe: Recipe[Any], data: Shape, speeds: Mapping[StageLoad, float]) -> float:
    """How many images can be shown in so many seconds, given the speed of each stage: found by halving."""
    low, high = (seconds * speed for speed in (min(speeds.values()), max(speeds.values())))
    while high - low > 1:
        middle = (low + high) / 2
        fits = playing_time(plan_stages(recipe, data, int(middle)), int(middle), speeds) <= seconds
        low, high = (middle, high) if fits else (low, middle)
    return low


def playing_time(stages: Sequence[Stage], images: int, speeds: Mapping[StageLoad, float]) -> float:
    """Seconds that a run of so many images takes; a stage of no known speed is as slow as the slowest."""
    ends = [min(stage.until, images) for stage in stages[:-1]] + [images]
    slowest = min(speeds.values())
    return sum((end - first) / speeds.get(stage_load(stage), slowest)
               for stage, first, end in zip(stages, [0, *ends], ends, strict=False))  # fmt: skip


def measure_speed(match: Match[Any], seconds: float = MIN_SPEED_SECONDS) -> float:
    """Images per second, played for so many seconds.

    The first seconds of a process are its slowest; of the others the middle one counts. While the processor is not
    ours it is played on, and of what was measured the fastest third counts.
    """
    played: list[Stretch] = []
    while (spent := sum(s.seconds for s in played)) < seconds or (
        spent < seconds * MAX_SPEED_SECONDS / MIN_SPEED_SECONDS and played[-1].own < MIN_PROCESSOR_SHARE
    ):
        played.append(play_stretch(match))
        if not played[-1].whole:
            break
    rates = [s.images / s.seconds for s in played[len(played) // 3 :]]
    busy = statistics.median(s.own for s in played) < MIN_PROCESSOR_SHARE
    return statistics.median(sorted(rates)[-max(1, len(rates) // 3) :] if busy else rates)


def play_stretch(match: Match[Any]) -> Stretch:
    """Play for about a second, the same in all processes; a round that takes many is left."""
    first, began, mine = match.feeds[0].position, synchronized_time(match), time.thread_time()
    turns, milliseconds, whole = 0, 0, False

    def between() -> None:
        nonlocal turns
        turns += 1
        if (
            turns % (TURNS_BETWEEN_VOTES if world_size() > 1 else 1) == 0
            and all_reduce_max(int(host_time() - began > LONG_ROUND_SECONDS))[0]
        ):
            raise WorkAbandoned

    with suppress(WorkAbandoned):
        rounds = 0
        while milliseconds < 1000:
            more = rounds_until_second(rounds, milliseconds)
            for _ in range(more):
                match.play(between)
            rounds += more
            milliseconds = all_reduce_max(round((synchronized_time(match) - began) * 1000))[0]
        whole = True
    wall, worked = synchronized_time(match) - began, time.thread_time() - mine
    milliseconds, lost = all_reduce_max(round(wall * 1000), round((wall - worked) * 1000))
    own = 1.0 if is_gpu(match.machine.device) else 1 - lost / milliseconds  # a processor waits for its GPU
    return Stretch(match.feeds[0].position - first, milliseconds / 1000, own, whole)


def rounds_until_second(played: int, milliseconds: int) -> int:
    """How many rounds are played before the time is asked for again: as many as were played, or what a second lacks.

    To ask waits for the device and for the other processes; small rounds would be slower for it than in a run.
    """
    return max(1, min(played, played * (1000 - milliseconds) // max(1, milliseconds)))


def host_time() -> float:
    return time.monotonic()


def synchronized_time(match: Match[Any]) -> float:
    synchronize(match.machine.device)
    return host_time()
