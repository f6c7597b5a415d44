"""The pages of a recipe say of each value where it is from, and of one that a preset changes nothing that is not so."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

import pytest

from saddle.cli.pages import options_help, recipe_introduction, walk_fields
from saddle.hints import comments, field_types, literal_choices
from saddle.recipe import Recipe
from saddle.recipes import RECIPES, find_recipe

SOURCE = r"author|paper|algorithm|equation|section|memory|\bours\b|their|code\b|[A-Z]GAN|=|lambda|gamma"


@pytest.mark.parametrize("name", RECIPES)
def test_what_a_field_is_stands_before_the_semicolon_and_its_source_behind_it(name: str):
    recipe, _ = find_recipe(name)
    for field, comment in comments(type(recipe)).items():
        assert not re.search(SOURCE, comment.partition(";")[0]), f"{field} of {name}: {comment}"


@pytest.mark.parametrize("name", RECIPES)
def test_the_classs_source_is_said_of_the_classs_value_alone(name: str):
    recipe, _ = find_recipe(name)
    usual, said = {f.name: f.default for f in fields(recipe)}, comments(type(recipe))
    for field in (field for field in walk_fields(recipe) if "." not in field.name):
        whole = said[field.name]
        choices = ", ".join(map(str, literal_choices(field_types(type(recipe))[field.name])))
        own = whole if field.now == usual[field.name] else whole.partition(";")[0]
        assert field.help == own + (f" ({choices})" if choices else "")


@dataclass(frozen=True)
class Mine(Recipe[object]):
    """A class."""

    rate: float = 0.5  # how fast; the paper's


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_said_to_the_formatter_is_no_part_of_a_page(name: str):
    assert "fmt:" not in " ".join(comments(type(find_recipe(name)[0])).values())


def test_a_changed_value_is_nobodys():
    assert options_help(Mine()).split(maxsplit=2)[2] == "how fast; the paper's"
    assert options_help(Mine(0.1)).split(maxsplit=2)[2] == "how fast"


@pytest.mark.parametrize(("name", "begins"), [
    ("r1-toy", "Points in the plane, for runs of 5000 rounds"),  # above another name of the same paragraph
    ("r3gan-cifar", "The authors' setting for CIFAR-10"),
    ("ragan", "Every sample against the mean of the other side"),
    ("ralsgan", "Every sample against the mean of the other side"),
    ("lsgan-pearson", "The coding whose optimum"),
])  # fmt: skip
def test_a_presets_comment_comes_first(name: str, begins: str):
    recipe, entry = find_recipe(name)
    text = recipe_introduction(recipe, entry)
    assert text.startswith(begins) and f"\n\n{type(recipe).__name__} without these changes: " in text
    base = next(other for other in RECIPES if find_recipe(other)[0] == type(recipe)())
    assert recipe_introduction(*find_recipe(base)) in text and "without these changes" not in recipe_introduction(
        *find_recipe(base)
    )


def test_every_preset_says_what_it_is():
    for name in RECIPES:
        recipe, entry = find_recipe(name)
        assert (recipe == type(recipe)()) != ("without these changes" in recipe_introduction(recipe, entry)), name
