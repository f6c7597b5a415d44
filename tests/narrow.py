"""Every recipe at a size for tests: networks of eight channels, batches of four, data that it takes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from saddle.averaging import Decay
from saddle.batches import Captioned, Lines, Pairs, Unpaired
from saddle.data.dataset_table import TOY_SETS
from saddle.games import AccuracyGate, Turns
from saddle.networks import Perceptron, SpatialAutoencoder
from saddle.optim import Burst
from saddle.recipe import Recipe
from saddle.recipes import RECIPES, find_recipe
from saddle.shape import Classes, Picture, Shape, Text, line_shape

WIDTH, BATCH, CLASSES = 8, 4, 3


def pictures_for(name: str, n: int) -> Any:
    """Columns of noise for a recipe that plays with pictures for pictures or texts, lines of text; None for another."""
    kind, (channels, *sides) = find_recipe(name)[0].batch_type, shape(name)[:3]
    dice = np.random.default_rng(0)
    if kind is Lines:
        return ["".join("abcdefgh"[(i * i + k * (i % 3)) % 8] for k in range(6 - i % 2)) for i in range(n)]
    if kind is Captioned:
        said = [f"a {'red' if i % 2 else 'blue'} thing {i % CLASSES}" for i in range(n)]
        return {"image": dice.integers(0, 256, (n, *sides, channels), np.uint8), "caption": said}
    if kind not in (Pairs, Unpaired):
        return None
    return {column: dice.integers(0, 256, (n, *sides, channels), np.uint8) for column in kind._fields}


def narrow(value: Any) -> Any:
    """A networks value with no whole number in it above eight, in the values that it is made of neither."""
    fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    parts = {name: narrow(part) for name, part in fields.items() if dataclasses.is_dataclass(part)}
    kept = ("attention", "field")  # that have values of their own
    counts = {name: min(n, WIDTH) for name, n in fields.items() if type(n) is int and name not in kept}
    counts |= {"field": 16} if "field" in fields else {}
    counts |= {"narrowest": WIDTH} if "narrowest" in fields else {}
    return dataclasses.replace(value, **parts, **counts)


def small(name: str) -> Recipe[Any]:
    """The recipe, narrow, and what would take long or stop a player from its first move on made shorter."""
    recipe = find_recipe(name)[0]
    short: dict[str, Any] = {"wgan": {"turns": Turns(critic=Burst(high=7, low=3, first=1))},
                             "cyclegan": {"pool": 2}, "cut": {"projection": WIDTH}, "fastcut": {"projection": WIDTH},
                             "soft-introvae-toy": {"warm_up": 0}, "introvae-1024": {"warm_up": 0},
                             "pggan": {"skip": 9}, "stylegan": {"skip": 9},  # at the data's size at once
                             "vae-gan": {"gate": None}, "aae": {"code_critic": narrow(Perceptron())},
                             "gat-latent": {"autoencoder": narrow(SpatialAutoencoder())},
                             "biggan": {"average": Decay(0.9)}, "biggan-cifar": {"average": Decay(0.9)},
                             "seqgan": {"rollouts": 2, "turns": Turns(critic=2)},
                             "accuracy-gate": {"gate": AccuracyGate(threshold=0.9, hysteresis=0.2)}}  # fmt: skip
    networks = narrow(recipe.networks)  # type: ignore[attr-defined]
    return dataclasses.replace(recipe, networks=networks, batch=BATCH, **short.get(name, {}))  # type: ignore[type-var]


def shape(name: str) -> Shape:
    """Its own data's, with three classes; of pixels no more than it needs."""
    entry = RECIPES[name]
    side = 1 if entry.data in TOY_SETS else 64 if name == "r3gan-ffhq-256" else entry.size or 16
    if find_recipe(name)[0].batch_type in (Pairs, Unpaired):
        return Shape(1, side, side, Picture(Shape(1, side, side)))
    if find_recipe(name)[0].batch_type is Lines:
        return line_shape(Text(6, 9))
    if find_recipe(name)[0].batch_type is Captioned:
        return Shape(1, side, side, Text(4, 9))
    return Shape(2, 1, 1) if side == 1 else Shape(1, side, side, Classes(CLASSES))
