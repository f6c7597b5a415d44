"""The table of recipes; one is found by its name here, or in a file of one's own. Nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import Mistake, nearest

if TYPE_CHECKING:
    from ..core import Recipe


class Entry(NamedTuple):
    module: str
    value: str  # its name in the module: a recipe, or a recipe's class
    summary: str
    data: str = "glyphs"  # what it trains on unless told otherwise
    size: int | None = None
    quick: Mapping[str, str] = MappingProxyType({})  # fields that differ on that data, where two minutes have to do


RECIPES: dict[str, Entry] = {
    "gan": Entry("saddle.recipes.gan", "GAN", "dense networks that move at once: the first paper"),
    "dcgan": Entry(
        "saddle.recipes.dcgan",
        "DCGAN",
        "strided convolutions and batch normalisation; start here",
        quick={"batch": "32", "turns.generator": "2", "optimizer.lr": "4e-4"},
    ),
    "dcgan-28": Entry("saddle.recipes.dcgan_28", "DCGAN28", "the same for 28x28 pixels, all-convolutional", size=28),
    "wgan-gp": Entry("saddle.recipes.wgan_gp", "WGANGP", "a Wasserstein critic with a penalty on its slope"),
    "wgan-gp-toy": Entry("saddle.recipes.wgan_gp", "toy", "WGAN-GP on points in the plane", data="grid"),
    "wgan-gp-mnist": Entry("saddle.recipes.wgan_gp", "mnist", "WGAN-GP's networks for 28x28 pixels", size=28),
    "wgan-gp-cifar": Entry("saddle.recipes.wgan_gp", "cifar", "WGAN-GP's residual networks for 32x32 pixels", size=32),
}


def find(name: str) -> tuple[Recipe[Any], Entry]:
    """A recipe with its entry, by a listed name or as `file.py:Name`; raises Mistake for anything else."""
    from . import files

    if files.meant(name):
        return files.find(name)
    if name not in RECIPES:
        raise Mistake(f"there is no recipe {name}{nearest(name, RECIPES)} (one of your own is given as file.py:Name)")
    entry = RECIPES[name]
    return files.made(getattr(import_module(entry.module), entry.value), name), entry
