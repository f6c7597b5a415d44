"""What to write in place of a word that saddle does not know; all that is advised was read as if it were typed."""

from __future__ import annotations

import dataclasses
import math
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from ..errors import Mistake, quote_for_shell
from ..measuring.metric_table import parse_metric_names
from ..options import as_flags, override_fields, parse_count
from .synonyms import FIELDS, HALVES, LOSSES, OPTIMIZERS, OPTIONS, Synonym

Read = Callable[[Sequence[str]], list[dict[str, str]]]  # words of options as texts for each value; or a Mistake


class Context(NamedTuple):
    """Where a word was typed: the command, the values whose fields are its options, and how these are read."""

    command: str
    values: tuple[Any, ...]
    read: Read

    @property
    def recipe(self) -> Any:
        """The recipe, where the command has one: what is last of several values."""
        return next((value for value in self.values if hasattr(value, "steps")), None)


def advice(option: str, text: str | None, context: Context) -> str:
    """A sentence on what says the same here; '' where nothing is known that fits the command and the recipe."""
    word = option.replace("_", "-").lower()
    if "discriminator" in word or word.startswith("disc-"):
        critic = word.replace("discriminator", "critic").replace("disc-", "critic-", 1)
        way = f"--{critic} {quote_for_shell(text)}" if text is not None else f"--{critic}"
        if fits(way, context):
            return f"there is no option --{option}; the discriminator is called critic here: {way}"
        word = "d-lr" if critic.endswith("lr") else critic
    known = OPTIONS.get(word)
    way = written(known, text, context) if known else ""
    if not known or not way:
        return ""
    other = OPTIONS.get(known.also)
    more = other and written(other, text, context)
    told = f" ({other.meaning}: {more})" if other and more else ""
    says = "" if known.meaning.endswith(":") else " is"
    return f"there is no option --{option}; {known.meaning}{says} {way}{told}"


def of_others(option: str, context: Context) -> str:
    """A sentence on the recipes whose field it is, where this one has it not; '' where it is none of theirs."""
    name = listed_name(context) if context.recipe is not None else None
    if name is None:
        return ""
    from ..recipes import RECIPES, find_recipe
    from ..recipes.capable import name_some

    field = option.replace("-", "_").partition(".")[0]
    names = [other for other in RECIPES if hasattr(find_recipe(other)[0], field)]
    has = f"there is no option --{option} in {name}, as in {name_some(names)}"
    return f"{has}; saddle show {name} lists its own" if names else ""


def written(known: Synonym, text: str | None, context: Context) -> str:
    """The first way of saying it that can be read here, with the value given, or else with the example."""
    for value in dict.fromkeys(value for value in (text, known.example) if value is not None):
        instead = "" if value == text or not known.example else "such as "
        for way in known.ways:
            with suppress(ValueError, KeyError, TypeError, AttributeError):  # no value for what is in the braces
                filled = way.format_map(Filled(value, context))
                if filled.startswith("-"):
                    filled = playable(filled, context) if known.plays else filled
                    if not fits(filled, context):
                        continue
                elif context.command not in ("train", "sweep", "sample"):
                    continue
                return instead + filled
    return ""


def fits(way: str, context: Context) -> bool:
    """Can these options be read, all of them, and be values of the command's and the recipe's fields?"""
    from ..plugged import plugged_types
    from ..recipes.kinds import VALUE_TYPES

    try:
        for value, texts in zip(context.values, context.read(shlex.split(way)), strict=True):
            override_fields(value, texts, (*VALUE_TYPES, *plugged_types()))
    except Mistake:
        return False
    return True


def playable(way: str, context: Context) -> str:
    """The same, with what else it takes that the recipe can be played on its own data so."""
    if context.recipe is None or not fits(way, context):
        return way
    from ..recipes import find_recipe
    from ..resolved import find_playable_options

    name = listed_name(context)
    if name is None or not find_recipe(name)[1].module.startswith("saddle."):
        return way
    found = find_playable_options(name, context.read(shlex.split(way))[-1])
    return as_flags(found) or way


def listed_name(context: Context) -> str | None:
    """The name of a listed recipe, by its value."""
    from ..recipes import RECIPES, find_recipe

    return next((name for name in RECIPES if find_recipe(name)[0] == context.recipe), None)


class Filled(Mapping[str, str]):
    """What stands in braces, worked out of the text that was given when it is asked for."""

    def __init__(self, value: str, context: Context) -> None:
        self.value, self.context = value, context

    def __getitem__(self, name: str) -> str:
        return quote_for_shell(VALUES[name](self.value, self.context))

    def __iter__(self) -> Iterator[str]:
        return iter(VALUES)

    def __len__(self) -> int:
        return len(VALUES)


def images(value: str, context: Context) -> str:
    """So many batches, in images."""
    return str(parse_count(value) * context.recipe.batch)


def half_life(value: str, context: Context) -> str:
    """Of a decay each batch, in images."""
    decay = float(value)
    if not 0 < decay < 1:
        raise ValueError
    return str(round(math.log(0.5) / math.log(decay) * context.recipe.batch))


def betas(value: str, place: int, context: Context) -> str:
    both = list(context.recipe.optimizer.betas)
    both[place] = float(value)
    return ", ".join(map(str, both))


def critic_optimizer(value: str, context: Context) -> str:
    """The optimizer of both players, with this rate."""
    both = dataclasses.replace(context.recipe.optimizer, lr=float(value))
    usual = type(both)()
    names = [field.name for field in dataclasses.fields(both)]
    own = [name for name in names if name == "lr" or getattr(both, name) != getattr(usual, name)]
    return f"{type(both).__name__}({', '.join(f'{name}={getattr(both, name)!r}' for name in own)})"


VALUES: dict[str, Callable[[str, Context], str]] = {
    "value": lambda value, context: value,
    "recipe": lambda value, context: listed_name(context) or "RECIPE",
    "metrics": lambda value, context: ",".join(parse_metric_names(value)),
    "device": lambda value, context: f"cuda:{value}" if value.isdecimal() else "cuda",
    "thousands": lambda value, context: str(parse_count(f"{value}k")),
    "images": images,
    "half_life": half_life,
    "first_beta": lambda value, context: betas(value, 0, context),
    "second_beta": lambda value, context: betas(value, 1, context),
    "critic_optimizer": critic_optimizer,
    "half": lambda value, context: HALVES[value.lower()],
    "field": lambda value, context: str(FIELDS[int(value)]),
    "objective": lambda value, context: LOSSES[value.lower().replace("_", "-")],
    "optimizer": lambda value, context: OPTIMIZERS[value.lower()],
    "gradient_penalty": lambda value, context: f"GradientPenalty({float(value):g})",
    "r1": lambda value, context: f"R1({float(value):g})",
    "clip": lambda value, context: f"Clip({float(value):g})",
    "smoothed": lambda value, context: f"NonSaturating(target={1 - float(value):g})",
    "noise": lambda value, context: f"Noise({float(value):g})",
}
