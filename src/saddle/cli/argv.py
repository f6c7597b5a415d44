"""The words of a command line: plain ones, and options with their text."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePath
from typing import Any, TypeVar

from ..errors import Mistake, require
from ..hints import field_types
from ..options import find_nested, override_fields
from ..runs.hub_names import parse_hub_name
from ..runs.naming import LAST, resolve_run_name
from . import COMMANDS, HelpRequested
from .advice import Context, advice, of_others
from .pages import Page

V = TypeVar("V")
GivenOptions = dict[str, str | None]  # an option's text; None for an option with none, such as --flip
MISSING = object()
SHORT_OPTIONS = {"from": "from-run"}  # a field cannot be called by a word of Python's


@dataclasses.dataclass(frozen=True)
class NoOptions:
    """The options of a command without any."""


def parse_command(command: str, words: Iterable[str], value: V) -> tuple[list[str], V]:
    """A command's plain words, and the value of its options with those given put in; Answer if asked for help."""
    plain, given = read_words(command, words, value)
    (texts,) = sort_options(command, given, value)
    return check_positionals(command, plain), override_fields(value, texts)


def parse_known(command: str, words: Iterable[str], value: V, more: str = "") -> tuple[list[str], V, GivenOptions]:
    """The same, and the options that are none of this value's, for others to know; `more` tells of them in the help."""
    plain, given = read_words(command, words, value, more)
    fields = field_types(type(value))
    known = [option for option in given if is_field(option, fields)]
    (texts,) = sort_options(command, {option: given.pop(option) for option in known}, value)
    return check_positionals(command, plain), override_fields(value, texts), given


def is_field(option: str, fields: Collection[str]) -> bool:
    """Is it the option of one of these fields, or of what is in one?"""
    name = option.replace("-", "_").partition(".")[0]
    return name in fields or name.removeprefix("no_") in fields


def read_words(command: str, words: Iterable[str], value: object, more: str = "") -> tuple[list[str], GivenOptions]:
    """Plain words and options; HelpRequested if asked for help."""
    plain, given = split_words(words, flag_names(value))
    if wants_help(given):
        raise HelpRequested(
            Page(command, {"Options": (value,)} if field_types(type(value)) else {}, more=more, whole=asks_all(given))
        )
    return plain, given


def split_words(words: Iterable[str], flags: Collection[str]) -> tuple[list[str], GivenOptions]:
    """Plain words, and options with the text after each, or after its `=`; flags have none, or true, false, on or off.

    After `--` there are plain words alone. `--json` has a text only where a file follows that is called so: FILE.json;
    alone it has that of the output, `-`. Of an option that is given twice the last holds, as in other programs;
    Mistake for two plugins, both of which are meant.
    """
    plain: list[str] = []
    given: GivenOptions = {}
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            return [*plain, *left], given
        if not word.startswith("-") or word == "-":
            plain.append(word)
            continue
        named = not word.startswith("--") and os.path.exists(word)
        require(not named, f"{word} reads as an option; write ./{word} for the file that is called so")
        option, equals, text = word.lstrip("-").partition("=")
        option = SHORT_OPTIONS.get(option, option)
        follows = bool(left) and not left[0].startswith("--")
        takes = (
            left[0].lower() in ("true", "false", "on", "off")
            if follows and option.removeprefix("no-") in flags
            else follows
        )
        takes = follows and left[0] == "all" if option in ("help", "h") else takes
        takes = follows and left[0].endswith(".json") if option == "json" else takes
        said = text if equals else left.pop(0) if takes else "-" if option == "json" else None
        twice = option == "plugin" and given.get(option, said) != said
        require(not twice, f"--plugin is given twice, as {given.get(option)} and as {said}; give one file, which "
                "imports what it needs of the other, as in `from other import *`")  # fmt: skip
        given[option] = said
    return plain, given


def flag_names(*values: object) -> set[str]:
    """The options that are on or off."""
    return {name for value in values for name, hint in field_types(type(value)).items() if hint in (bool, bool | None)}


def wants_help(given: GivenOptions) -> bool:
    return "help" in given or "h" in given


def asks_all(given: GivenOptions) -> bool:
    """Is the whole page asked for?"""
    return "all" in (given.get("help"), given.get("h"))


def check_positionals(command: str, plain: list[str]) -> list[str]:
    """The plain words, if there are as many as the command takes: `RUN ...` is one or more."""
    usage = f"write saddle {command} {COMMANDS[command].takes}"
    takes = [name for name in COMMANDS[command].takes.split() if name != "..."]
    least = sum(not name.startswith("[") for name in takes)
    require(len(plain) >= least, f"{command} needs {' and '.join(takes)}; {usage}")
    most = len(plain) if usage.endswith("...") else len(takes)
    require(len(plain) <= most, f"{command} has no use for {' '.join(plain[len(takes) :])!r}; {usage}")
    return [name_run(word, takes[min(place, len(takes) - 1)]) for place, word in enumerate(plain)]


def name_run(word: str, takes: str) -> str:
    """A plain word, in full where it is short for a run: `last`, 14, and where only a run can stand any beginning."""
    name = PurePath(word).name
    short = takes == "RUN" or (takes in ("RUN|SOURCE", "A", "B") and (name == LAST or name[:1].isdecimal()))
    return str(resolve_run_name(word)) if short and word and not parse_hub_name(word) else word


def sort_options(command: str, given: GivenOptions, *values: Any) -> list[dict[str, str]]:
    """The options as text, for each of the values those that are its fields."""
    try:
        return placed(given, *values)
    except Unknown as unknown:
        context = Context(command, values, lambda words: placed(options(words, *values), *values))
        text = given[unknown.option]
        says = advice(unknown.option, text, context) or of_others(unknown.option, context)
        raise Mistake(says or unlike(command, unknown.option, values)) from None


class Unknown(Mistake):
    """None of the values has a field called so."""

    def __init__(self, option: str) -> None:
        super().__init__(f"there is no option --{option}")
        self.option = option


def placed(given: GivenOptions, *values: Any) -> list[dict[str, str]]:
    texts: list[dict[str, str]] = [{} for _ in values]
    known = [field_types(type(value)) for value in values]
    for option, text in given.items():
        name, said = parse_flag(option, text, values)
        owner = next((i for i, names in enumerate(known) if name.partition(".")[0] in names), None)
        if owner is None:
            raise Unknown(option)
        texts[owner][name] = said
    return texts


def options(words: Iterable[str], *values: object) -> GivenOptions:
    """Words that are options alone."""
    plain, given = split_words(words, flag_names(*values))
    require(not plain, f"{' '.join(plain)} belongs to no option")
    return given


def parse_flag(option: str, text: str | None, values: Iterable[object]) -> tuple[str, str]:
    """An option's field and text: `--flip` says True, `--no-flip` False."""
    name = option.replace("-", "_")
    now = next((x for value in values if (x := find_field(value, name)) is not MISSING), MISSING)
    if text is not None:
        return name, text
    if now is MISSING and name.startswith("no_"):
        name, text = parse_flag(name.removeprefix("no_"), None, values)
        return name, "False"
    example = f", such as --{option} {now}" if isinstance(now, int | float | str) else ""
    switch = isinstance(now, bool) or name in flag_names(*values)
    require(switch or now is MISSING, f"--{option} needs a value{example}")
    return name, "True"


def find_field(value: object, name: str) -> object:
    """A field, a field's field, or the only one of this name in what a field is made of."""
    for depth, part in enumerate(name.split(".")):
        places = [part] if hasattr(value, part) or not depth else find_nested(value, part)
        for step in places[0].split(".") if len(places) == 1 else [part]:
            value = getattr(value, step, MISSING) if dataclasses.is_dataclass(value) else MISSING
    return value


def unlike(command: str, option: str, values: Sequence[object]) -> str:
    """There is no such option; the nearest, where one is near."""
    dashed = [name.replace("_", "-") for value in values for name in field_types(type(value))]
    off = "no-" if option.startswith("no-") else ""
    first, dot, rest = option.removeprefix("no-").partition(".")
    near = next(iter(difflib.get_close_matches(first, dashed, 1)), "")
    if not near:
        return f"there is no option --{option}; saddle {command} --help lists what there is"
    whole = f"{near}{dot}{rest}"
    inside = any(find_field(value, whole.replace("-", "_")) is not MISSING for value in values)
    return f"there is no option --{option}; did you mean --{off}{whole if inside else near}?"
