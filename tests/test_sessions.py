"""How a recipe, its own data and what a user says come together."""

from __future__ import annotations

from saddle.recipes import RECIPES
from saddle.recipes.dcgan import DCGAN
from saddle.runs.settings import Settings
from saddle.sessions import choose


def chosen(options: dict[str, str], data: str | None = None) -> DCGAN:
    value = choose("dcgan", options, Settings(data=data))[1]
    assert isinstance(value, DCGAN)
    return value


def test_a_recipe_is_quick_on_its_own_data_and_the_papers_on_any_other():
    assert chosen({}) == chosen({}, "glyphs") == chosen(dict(RECIPES["dcgan"].quick), "mnist") != DCGAN()
    assert chosen({}, "mnist") == DCGAN()


def test_what_a_user_says_goes_before_what_a_recipe_has_for_its_own_data():
    assert chosen({"batch": "64"}).batch == 64 and chosen({"batch": "64"}).turns.generator == 2
    assert chosen({"optimizer": "Adam(1e-5)"}).optimizer.lr == 1e-5
    assert chosen({"turns.critic": "3"}).turns == chosen({"turns": "Turns(3, 2)"}).turns


def test_a_value_is_taken_as_it_is():
    assert choose(DCGAN(batch=8), {}, Settings())[1] == DCGAN(batch=8)
