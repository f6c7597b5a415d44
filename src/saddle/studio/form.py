"""The form of a recipe: its fields, what each is for, and how what was filled in becomes words of a command."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from ..cli.pages import walk_fields
from ..cli.training import cite_paper, parse_train_options
from ..errors import Mistake
from ..hints import literal_choices
from ..recipes import RECIPES, find_recipe
from ..recipes.changes import format_option_value

EVERYDAY = ("batch", "optimizer.lr", "networks.width", "networks.latent", "objective", "penalties", "turns.critic")
Kind = Literal["switch", "choice", "text"]


class FormField(NamedTuple):
    """One field of a recipe, or of a value in it, as a form asks for it."""

    name: str  # the option: optimizer.lr
    kind: Kind
    now: Any  # a bool for a switch, else text as it would be typed
    choices: tuple[str, ...]
    help: str
    everyday: bool


def recipe_fields(name: str) -> list[FormField]:
    """All fields, the everyday ones first."""
    recipe, _ = find_recipe(name)
    fields = [make_field(field.name, field.now, field.hint, field.help) for field in walk_fields(recipe)
              if field.name.count(".") <= 1]  # fmt: skip
    return sorted(fields, key=lambda field: EVERYDAY.index(field.name) if field.everyday else len(EVERYDAY))


def make_field(name: str, now: Any, hint: object, help: str) -> FormField:
    choices = tuple(str(choice) for choice in literal_choices(hint) if isinstance(choice, str | int))
    kind: Kind = "switch" if isinstance(now, bool) else "choice" if choices and str(now) in choices else "text"
    shown = now if kind == "switch" else str(now) if kind == "choice" else text_of(now)
    return FormField(name, kind, shown, choices, help, name in EVERYDAY)


def text_of(value: Any) -> str:
    """A value as it would be typed; nothing for none."""
    if value is None:
        return ""
    return format_option_value(value) if dataclasses.is_dataclass(value) or isinstance(value, tuple) else str(value)


def changed_words(name: str, given: Mapping[str, Any]) -> list[str]:
    """The options of what was filled in otherwise than it stood, as words."""
    words = []
    for field in recipe_fields(name):
        value = given.get(field.name, field.now)
        if value != field.now and not (field.kind == "text" and not str(value).strip()):
            words += [f"--{field.name.replace('_', '-')}", str(value).strip()]
    return words


def length_words(text: str) -> list[str]:
    """'2 minutes', '200k images' or '3 epochs' as an option; a number alone is of minutes."""
    number, _, unit = text.strip().lower().partition(" ")
    unit = next((kind for kind in ("minutes", "images", "epochs") if unit and kind.startswith(unit.rstrip("s"))), unit)
    if not number or unit not in ("", "minutes", "images", "epochs"):
        raise Mistake(f"length is {text!r}, but should be as 2 minutes, 200k images or 3 epochs")
    return [f"--{unit or 'minutes'}", number]


def check_words(name: str, words: Iterable[str]) -> str:
    """Why these options cannot be played, in a sentence; nothing if they can, as far as the recipe alone tells."""
    words = list(words)
    names = (word.removeprefix("--") for word in words[::2])
    given: dict[str, str | None] = dict(zip(names, words[1::2], strict=True))
    try:
        parse_train_options(name, given)
    except Mistake as mistake:
        return str(mistake)
    return ""


def describe_recipe(name: str) -> str:
    """What a listed recipe is, and from which paper, as Markdown."""
    cited = cite_paper(find_recipe(name)[0])
    return f"**{name}**: {RECIPES[name].summary}." + (f" {cited}." if cited else "")
