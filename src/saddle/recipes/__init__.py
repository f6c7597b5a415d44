"""The table of recipes; one is found by its name here, or in a file of one's own. Nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import Mistake, quote_for_shell
from ..runs.hub_names import parse_hub_name
from .quick import QUICK
from .table import RECIPE_TABLE

if TYPE_CHECKING:
    from ..recipe import Recipe


class RecipeEntry(NamedTuple):
    module: str
    value: str  # its name in the module: a recipe, or a recipe's class
    summary: str
    data: str = "glyphs"  # what it trains on unless told otherwise
    size: int | None = None
    quick: Mapping[str, str] = MappingProxyType({})  # fields that differ on that data, where two minutes have to do
    group: str = ""  # under which it is listed


RECIPES: dict[str, RecipeEntry] = {
    name: RecipeEntry(f"saddle.recipes.{module}", *rest)._replace(quick=QUICK.get(name, {}), group=group)
    for group, rows in RECIPE_TABLE.items()
    for name, module, *rest in rows
}


def canonical(name: str) -> str:
    """A recipe's name as it is listed: DCGAN is dcgan, and WGAN-GP, wgan_gp and wgangp are wgan-gp."""
    return name if name in RECIPES else SPELLED.get(bare(name), name)


def bare(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").replace(" ", "")


SPELLED = {bare(name): name for name in RECIPES}


def find_recipe(name: str) -> tuple[Recipe[Any], RecipeEntry]:
    """A recipe with its entry, by a listed name or as `file.py:Name`; raises Mistake for anything else."""
    from . import files

    if files.is_file_recipe(name):
        return files.find_file_recipe(name)
    name = canonical(name)
    if name not in RECIPES:
        check_names_no_run(name)
        near = get_close_matches(name.lower(), RECIPES, 1)
        hint = f"did you mean {near[0]}?" if near else "saddle list shows what there is"
        raise Mistake(f"there is no recipe {name}; {hint} (one of your own is given as file.py:Name)")
    entry = RECIPES[name]
    return files.to_recipe(getattr(import_module(entry.module), entry.value), name), entry


def check_names_no_run(name: str) -> None:
    """Refuse the name of a run where a recipe is meant, with what can be done with a run."""
    from ..runs.folder import RunFolder

    try:
        run = RunFolder.find(name).path if parse_hub_name(name) is None else None
    except Mistake:
        return
    if run is not None:
        raise Mistake(f"{name} is a run, not a recipe: `saddle report {quote_for_shell(name)}` shows it on a page, "
                      "`saddle runs` tells of all")  # fmt: skip
