"""A request of a run with something else in it, and what is else about it in words that can be typed."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ..errors import quote_argument
from ..options import as_flags
from ..recipe import Recipe
from ..shape import Shape
from ..training.match import MatchOptions
from .alternatives import alternatives

LEFT_OUT = 7.0  # what it costs to go without an option
AMENDED = 2.0  # up to which a change leaves what was asked for as it is, and does something to it
ADVISED = 1.6  # what it costs to do as a refusal itself says: less than another size, more than a layer around
ADVISED_OPTION = re.compile(r"""--([\w.-]+) (?:"([^"]+)"|'([^']+)'|([^\s,;]+)) ?""")
ADVISED_OPTIONS = re.compile(f"(?:{re.sub(r'[(](?![?])', '(?:', ADVISED_OPTION.pattern)})+")  # several in a row
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


class Change(NamedTuple):
    """What a request becomes, and by what."""

    cost: float
    name: str  # equal ones do the same, whatever else is asked for
    request: RunRequest


def changed_requests(wish: RunRequest, at: PlannedRun, typed: Mapping[str, str], stage: int,
                     refusal: str = "") -> Iterator[Change]:  # fmt: skip
    """What else might be asked for than what is, comes to this, and was refused at a stage, by this sentence.

    `typed`: the options as they were given; a value that was proposed here is not amended, but written anew.
    """
    for given, size in advised_changes(refusal, at.recipe):
        there = RunRequest({**drop_overridden(wish.options, given), **given}, {**wish.settings, **size})
        yield Change(ADVISED, as_flags({**given, **size}), there)
    slots = {option.partition(".")[0] for option in wish.options}
    for cost, fields in alternatives(at.recipe, at.data, at.how.accumulate, at.most):
        if (stage > 0 and fields.keys() == {"size"}) or (stage == 1 and "batch" in fields):
            continue
        own = {field: value for field, value in fields.items() if hasattr(at.recipe, field)}
        new: dict[str, str] = {}
        for field, value in own.items():
            amended = wish.options.get(field) == typed.get(field)
            old = getattr(at.recipe, field) if amended else None
            new |= option_changes(field, old, value)
        anew = cost > AMENDED and any(option.partition(".")[0] in slots for option in new)
        options = {**drop_overridden(wish.options, new), **new} if new else wish.options
        settings = {field: value for field, value in fields.items() if field not in own}
        name = " ".join(f"{field} {format_option_value(value)}" for field, value in fields.items())
        yield Change(cost + TYPED * anew, name, RunRequest(options, {**wish.settings, **settings}))
    yield Change(LEFT_OUT * 2, "", wish._replace(options={}))
    for option in wish.options:
        rest = {o: text for o, text in wish.options.items() if o != option}
        yield Change(LEFT_OUT, f"without {option}", wish._replace(options=rest))


def advised_changes(refusal: str, recipe: Recipe[Any]) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Options and settings that a refusal names behind its reason, as far as they are the recipe's and the run's."""
    for row in ADVISED_OPTIONS.findall(refusal.rpartition("; ")[2]):
        given = {option.replace("-", "_"): "".join(texts) for option, *texts in ADVISED_OPTION.findall(row)}
        own = {option: text for option, text in given.items() if hasattr(recipe, option.partition(".")[0])}
        size = {name: text for name, text in given.items() if name == "size"}
        if own and given.keys() == own.keys() | size.keys():  # sizes alone are tried in the data's proportions
            yield own, size


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
