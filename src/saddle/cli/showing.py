"""One recipe, looked at closely."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..blame import blame_user_code
from ..data.prepare import Prepare
from ..errors import Mistake
from ..light import without_torch
from ..options import as_flags, override_fields
from ..recipes import RecipeEntry, canonical, find_recipe
from .argv import GivenOptions, check_positionals, read_words, sort_options
from .facts import ON_OUTPUT, check_place, print_facts, write_facts
from .output import print_message, print_output
from .pages import (
    class_doc,
    format_option_value,
    options_help,
    recipe_introduction,
    two_columns,
    walks,
    wrap_text,
)
from .sizes import PARAMETER_COUNTS
from .training import cite_paper

if TYPE_CHECKING:
    from ..core import Game
    from ..recipe import Recipe
    from ..shape import Columns, Shape


@dataclass(frozen=True)
class ShowOptions(Prepare):
    """What data the networks are built for, and how they are made ready."""

    data: str | None = None  # count parameters for this data; the recipe's if not given
    speed: bool = True  # play for some seconds to tell the images a second; --no-speed tells all the rest at once
    recompute: bool = False  # tell memory and speed of a run with --recompute
    json: Path | None = None  # print it as JSON, for programs, or write it into FILE.json


OWN_FIELDS_HELP = "A recipe's own fields are options too, as in training: it is told what a run with them takes."


def show(words: list[str]) -> None:
    """saddle show RECIPE."""
    plain, given = read_words("show", words, ShowOptions(), OWN_FIELDS_HELP)
    name = canonical(*check_positionals("show", plain))
    wish, options = parse_show_options(name, given)
    before = not options and wish in (ShowOptions(), ShowOptions(speed=False)) and name in PARAMETER_COUNTS
    check_place(wish.json)
    facts: dict[str, Any] = {}
    for paragraph, found in [show_counted_before(name)] if before else show_counted_now(name, wish, options):
        facts |= found
        if wish.json != ON_OUTPUT:
            print_output(*paragraph)
    if wish.json == ON_OUTPUT:
        print_facts(facts)
    write_facts(wish.json, lambda: facts)


@without_torch
def parse_show_options(name: str, given: GivenOptions) -> tuple[ShowOptions, dict[str, str]]:
    """How it is shown, and the recipe's options as text: all of them fit."""
    recipe, _ = find_recipe(name)
    texts, options = sort_options("show", given, ShowOptions(), recipe)
    wish = override_fields(ShowOptions(), texts)
    if options:
        from ..recipes.revive import configure_recipe

        configure_recipe(name, options, wish.data, wish.size)
    return wish, options


@without_torch
def show_counted_before(name: str) -> tuple[tuple[str, ...], dict[str, Any]]:
    """A listed recipe on its own data, whose players were counted before."""
    from ..recipes.capable import game_class
    from ..shape import parse_shape

    shape, counts = PARAMETER_COUNTS[name]
    recipe, entry = find_recipe(name)
    told = (name, recipe, entry, parse_shape(shape), counts, game_class(recipe))
    return recipe_sections(*told), recipe_facts(*told)


def show_counted_now(name: str, wish: ShowOptions, options: Mapping[str, str]
                     ) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:  # fmt: skip
    """The page, and behind it what takes a while: what a round costs."""
    from ..batches import batch_shape, required_columns
    from ..recipes.revive import configure_recipe

    standard, entry = find_recipe(name)
    recipe = configure_recipe(name, options)

    columns, source = sample_columns(wish, entry, required_columns(recipe.batch_type))
    shape = batch_shape(recipe.batch_type, columns, source)
    try:
        game = unmade_game(recipe, shape)
    except Mistake as refusal:
        raise with_training_advice(refusal, standard, options, wish, columns) from None
    counts = trainable_sizes(game)
    from ..parts.recompute import check_has_blocks, has_blocks
    from ..training.match import MatchOptions
    from .costs import describe_costs

    how = MatchOptions(recompute=wish.recompute)

    if wish.recompute:
        check_has_blocks(game)
    yield (recipe_sections(name, recipe, entry, shape, counts, type(game)),
           recipe_facts(name, recipe, entry, shape, counts, type(game)))  # fmt: skip
    for sentence, found in describe_costs(recipe, shape, wish.speed, how, blocks=has_blocks(game)):
        yield (f"\n{sentence}",), found


def recipe_facts(
    name: str, recipe: Recipe[Any], entry: RecipeEntry, shape: Shape, counts: Mapping[str, int], game: type
) -> dict[str, Any]:
    """The same for programs; a field's value is as it is written."""
    from ..capabilities import describe_capabilities

    fields = {field.name: format_option_value(field) for field in walks(recipe)}
    return {"recipe": name, "class": type(recipe).__name__, "summary": entry.summary, "source": cite_paper(recipe),
            "fields": fields, "data": entry.data, "shape": list(shape[:3]), "parameters": dict(counts),
            "can": describe_capabilities(game)}  # fmt: skip


def recipe_sections(
    name: str, recipe: Recipe[Any], entry: RecipeEntry, shape: Shape, counts: Mapping[str, int], game: type
) -> tuple[str, ...]:
    kinds = dict.fromkeys(type(value) for value in nested_values(recipe))
    terms = two_columns(((kind.__name__, " ".join(class_doc(kind).split())) for kind in kinds), 22)
    players = two_columns(((player, f"{count:,} parameters") for player, count in counts.items()), 22)
    about = f"{name}: {cite_paper(recipe)}\n\n{recipe_introduction(recipe, entry)}".rstrip()
    quick = f"\n\nOn {entry.data}, where two minutes must do: {as_flags(entry.quick)}" if entry.quick else ""
    return (wrap_text(about), "Fields\n" + options_help(recipe) + quick,
            *(["In words\n" + "\n".join(terms)] if kinds else []),
            f"Players for {shape}\n" + "\n".join(players), what_it_can(game))  # fmt: skip


def what_it_can(game: type) -> str:
    """What a game can do once it is trained, and the options that its samples have beside those of all."""
    from ..capabilities import Generates, describe_capabilities, style_options

    style = style_options(game, Generates) if issubclass(game, Generates) else {}
    own = " ".join(f"--{name.replace('_', '-')} {one.default}" for name, one in style.items())
    return f"Once trained it can {describe_capabilities(game)}.{f' saddle sample takes {own}.' if own else ''}"


def nested_values(value: Any) -> Iterator[object]:
    """The values in a value's fields, at any depth: objective, penalties, networks, schedules."""
    parts = value if isinstance(value, tuple) else [getattr(value, f.name) for f in dataclasses.fields(value)]
    for part in parts:
        if dataclasses.is_dataclass(part):
            yield part
        if dataclasses.is_dataclass(part) or isinstance(part, tuple):
            yield from nested_values(part)


def sample_columns(wish: ShowOptions, entry: RecipeEntry, wants: Collection[str]) -> tuple[Columns, str]:
    """What each sample has: what was said, and what was not from the data; and where it is from."""
    from ..data import open_data
    from ..data.sources import unambiguous_source

    size = wish.size or (entry.size if wish.data is None else None)
    source = unambiguous_source(entry.data) if wish.data is None else wish.data
    try:
        data = open_data(source, dataclasses.replace(Prepare.of(wish), size=size), print_message, suits=stop_at_columns,
                         wants=wants)  # fmt: skip
        return data.columns, wish.data or entry.data
    except ColumnsKnown as known:
        return known.columns, wish.data or entry.data


class ColumnsKnown(Exception):
    """Reading goes no further than to what each sample has."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns


def stop_at_columns(columns: Columns, most: int | None) -> None:
    raise ColumnsKnown(columns)


def unmade_game(recipe: Recipe[Any], shape: Shape) -> Game[Any]:
    """Its game on no device, without any numbers."""
    from ..recipes.round_cost import meta_game
    from ..training.match import check_is_game

    with blame_user_code(Mistake, recipe):
        try:
            return meta_game(recipe, shape)
        except (NotImplementedError, RuntimeError):  # networks of the user's own may read numbers as they are made
            return check_is_game(recipe.game(shape), recipe)


def with_training_advice(refusal: Mistake, recipe: Recipe[Any], options: Mapping[str, str], wish: ShowOptions,
                         columns: Columns) -> Mistake:  # fmt: skip
    """The refusal of a game with the advice that training would give; the same options are taken here."""
    from ..recipes.changes import RunRequest
    from ..resolved import check_playable
    from ..runs.settings import Settings
    from ..training.machine import find_machine, preserved_globals

    asked = Settings(data=wish.data, size=wish.size, device="cpu")
    try:
        with preserved_globals():
            check_playable(recipe, RunRequest(options, {}), asked, columns, find_machine("cpu"))
    except Mistake as advised:
        return advised
    return refusal


def trainable_sizes(game: Game[Any]) -> dict[str, int]:
    """How many numbers each player learns."""
    own = {name: sum(p.numel() for p in child.parameters() if p.requires_grad) for name, child in game.named_children()}
    return {name: size for name, size in own.items() if size}
