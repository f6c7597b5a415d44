"""A way out of a refusal, tried before it is proposed: which other options make a recipe that can be played?"""

from __future__ import annotations

import dataclasses
import heapq
import shlex
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from traceback import walk_tb
from typing import Any, NamedTuple

from .. import games
from ..errors import Mistake
from ..recipe import Recipe
from ..shape import Shape
from ..training.engine import Engine
from ..training.match import MatchOptions
from .alternatives import alternatives

LAST_LINE = 10_000  # a line behind all others: what a game of its own asks for beside Adversarial
LEFT_OUT = 7.0  # what it costs to go without an option
TRIES = 300  # combinations of changes, at most
ANOTHER, FURTHER = 2.5, -2.0  # what a change costs beside its own price, behind one that helped little, or much
AMENDED = 2.0  # up to which a change leaves what was asked for as it is, and does something to it
TYPED = 2.0  # what it costs to take something else than what was typed


class RunRequest(NamedTuple):
    """What is asked for on a command line: options of the recipe, and what of the settings bears on playing it."""

    options: Mapping[str, str]
    settings: Mapping[str, Any]


class PlannedRun(NamedTuple):
    """A wish as it would be played."""

    recipe: Recipe[Any]
    data: Shape
    how: MatchOptions
    most: int | None  # samples that there are


PlanRun = Callable[[RunRequest], PlannedRun]  # Mistake for what is no recipe
TryRun = Callable[[PlannedRun, bool], None]  # Mistake for what cannot be played; fully, or as quickly as can be


def add_advice(refusal: Mistake, wish: RunRequest, understand: PlanRun, attempt: TryRun) -> Mistake:
    """The same refusal with advice that was tried; with its own where nothing that was tried can be played."""
    why, _, advice = str(refusal).rpartition("; ")
    found = find_remedy(wish, refusal, understand, attempt)
    if found is None:
        return refusal
    told = describe_change(wish, found)
    if not wish.options and advice.startswith(told):
        return refusal  # which says more
    others, either, _ = advice.rpartition(", or take --")
    return Mistake(f"{why or advice}; {others}, or {told}" if either else f"{why or advice}; {told}")


def find_remedy(wish: RunRequest, refusal: Mistake, understand: PlanRun, attempt: TryRun) -> RunRequest | None:
    """The cheapest change, or changes, that lead to what can be played.

    What comes further is gone on with soon; what comes up against something else at the same place, later; what does
    not come as far, never.
    """
    order, seen = count(), {request_key(wish)}
    heap = [(cost, next(order), other, refusal) for cost, other in changed_requests(wish, refusal, understand)]
    heapq.heapify(heap)
    for _ in range(TRIES):
        if not heap:
            return None
        cost, _, wish, before = heapq.heappop(heap)
        if request_key(wish) in seen:
            continue
        seen.add(request_key(wish))
        try:
            attempt(understand(wish), False)
            return wish
        except Mistake as now:
            further = refusal_stage(now) > refusal_stage(before)
            if further or (refusal_stage(now) == refusal_stage(before) and str(now) != str(before)):
                cost += FURTHER if further else ANOTHER
                for more, other in changed_requests(wish, now, understand):
                    heapq.heappush(heap, (cost + more, next(order), other, now))
    return None


def refusal_stage(refusal: Mistake) -> tuple[int, int]:
    """How far it came: to the networks; to the game, and to which line of its constructor; to the round."""
    frames = {frame.f_globals["__name__"]: line for frame, line in walk_tb(refusal.__traceback__)}
    game = [line for room, line in frames.items() if room.startswith(games.__name__) and not room.endswith("slots")]
    if Engine.__module__ in frames or not game:
        return 2 * (Engine.__module__ in frames), 0
    return 1, frames.get(games.adversarial.__name__, LAST_LINE)


def request_key(wish: RunRequest) -> tuple[object, ...]:
    return tuple(sorted(wish.options.items())), tuple(sorted(wish.settings.items()))


def changed_requests(wish: RunRequest, refusal: Mistake, understand: PlanRun) -> Iterator[tuple[float, RunRequest]]:
    """What else might be asked for, and what it costs; other sizes only where it may be for the size."""
    level, _ = refusal_stage(refusal)
    try:
        at = understand(wish)
    except Mistake:
        return
    typed = {option.partition(".")[0] for option in wish.options}
    for cost, fields in alternatives(at.recipe, at.data, at.how.accumulate, at.most):
        own = {field: value for field, value in fields.items() if hasattr(at.recipe, field)}
        new = {
            o: text for f, value in own.items() for o, text in option_changes(f, getattr(at.recipe, f), value).items()
        }
        settings = {field: value for field, value in fields.items() if field not in own}
        if (level > 0 and "size" in settings and "data" not in settings) or (level == 1 and "batch" in own):
            continue
        anew = cost > AMENDED and any(option.partition(".")[0] in typed for option in new)
        options = {**drop_overridden(wish.options, new), **new} if new else wish.options
        yield cost + TYPED * anew, RunRequest(options, {**wish.settings, **settings})
    yield LEFT_OUT * 2, wish._replace(options={})
    for option in wish.options:
        yield LEFT_OUT, wish._replace(options={o: text for o, text in wish.options.items() if o != option})


def drop_overridden(options: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """The options that are still meant beside new ones: none inside of what is written as a whole, none twice."""
    ends = {(option.partition(".")[0], option.rpartition(".")[2]) for option in new if "." in option}
    return {
        option: text
        for option, text in options.items()
        if option.partition(".")[0] not in new
        and (option.partition(".")[0], option.rpartition(".")[2]) not in ends
    }  # fmt: skip


def describe_change(wish: RunRequest, instead: RunRequest) -> str:
    """The change in words: give --networks.normal False in place of --networks.width."""
    options = {o: text for o, text in instead.options.items() if wish.options.get(o) != text}
    options |= {o: str(v) for o, v in instead.settings.items() if wish.settings.get(o) != v}
    gone = " and ".join(option_flag(o) for o in wish.options if o not in instead.options)
    give = " ".join(f"{option_flag(option)} {quote_argument(text)}" for option, text in options.items())
    return f"give {give}{gone and f' in place of {gone}'}" if give else f"leave out {gone}"


def option_flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def quote_argument(text: str) -> str:
    """Text as a word of a command line."""
    plain = not set(text) & set('"$`\\!')
    return shlex.quote(text) if not plain or shlex.quote(text) == text else f'"{text}"'


def option_changes(name: str, old: object, new: object) -> dict[str, str]:
    """The options that make one value the other: of its fields if these are few, else the whole."""
    if type(old) is type(new) and dataclasses.is_dataclass(new):
        names = [f.name for f in dataclasses.fields(new) if getattr(old, f.name) != getattr(new, f.name)]
        if len(names) == 1:
            return option_changes(f"{name}.{names[0]}", getattr(old, names[0]), getattr(new, names[0]))
    return {name: format_option_value(new)}


def format_option_value(value: object) -> str:
    """A value as an option's text, without what goes without saying."""
    if isinstance(value, tuple):
        return ", ".join(map(format_value, value)) or "none"
    return value if isinstance(value, str) else format_value(value)


def format_value(value: object) -> str:
    """A value as it is written in Python, without the fields that are at their defaults."""
    if not dataclasses.is_dataclass(value):
        return repr(value)
    made_of = [f for f in dataclasses.fields(value)[:1] if dataclasses.is_dataclass(getattr(value, f.name))]
    others = [f for f in dataclasses.fields(value) if f.init and getattr(value, f.name) != f.default]
    words = [format_value(getattr(value, f.name)) for f in made_of]
    words += [f"{f.name}={format_value(getattr(value, f.name))}" for f in others if f not in made_of]
    return f"{type(value).__name__}({', '.join(words)})"
