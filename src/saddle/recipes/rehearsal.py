"""A short round played before anything is written, so that what cannot be played is refused while nothing is lost."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..batches import Images
from ..blame import blamed
from ..core import Clock, Mistake, Recipe, Shape, at, require
from ..data.feed import shareable
from ..games import Adversarial
from ..hints import fields
from ..networks import NETWORKS, GroupedResidual
from ..parts import by_itself
from ..training.average import resting
from ..training.engine import Engine, mix
from ..training.machine import Machine, processes
from ..training.match import How, playable

V = TypeVar("V")
IMAGES = 1_000_000  # of a run whose length is not known yet
WIDTH = 8  # channels
WIDTHS = ("width", "width_generator", "width_label", "widest", "maxout", "maxout_label", "hidden", "kernels")
PACKS = 840  # samples, which packs of up to 8 divide
SEVERAL = 11  # samples, which no packs divide


def rehearse(recipe: Recipe[Any], data: Shape, where: Machine, how: How = How(), *, most: int | None = None,
             sampled: bool = False, fully: bool = True) -> None:  # fmt: skip
    """Play a round of made-up samples with networks that are thrown away; Mistake for what cannot be played.

    The round is that of such data, in the parts that it will be played in, but small: of few samples, of saddle's own
    networks made narrow, and of no more than two moves of each player, for more are of the same kind. Only what few
    samples cannot play is tried with as many as there will be, if that is to be known `fully`; a recipe of the user's
    own then as wide as it is. `most` is how many samples the data have; `sampled`, whether samples will be made as
    well. Each process plays by itself.
    """
    stage = recipe.stages(data, IMAGES)[0]
    parts = how.accumulate * processes()
    shareable(stage.batch, parts, stage.batch if most is None else most)
    n = stage.batch // parts
    ours = type(recipe).__module__.startswith("saddle.")  # others' may know their width, or batch, by heart
    used = [where.device] if where.device.type == "cuda" else []
    with torch.random.fork_rng(used), blamed(Mistake, recipe), by_itself():
        try:
            play(narrowed(recipe), stage.data, where, how, fewer(n), sampled)
        except Exception as error:
            if not fully or (ours and not isinstance(error, Mistake)):
                raise
            play(narrowed(recipe) if ours else recipe, stage.data, where, how, n, sampled)


def fewer(n: int) -> int:
    """So few samples that whatever can be played with them can be with n: the same packs of up to 8 divide both."""
    return packs if (packs := math.gcd(n, PACKS)) > 1 else min(n, SEVERAL)


def narrowed(value: V) -> V:
    """A recipe, its networks no wider than need be to see what can be played; those of others are as they are."""
    own = {name: getattr(value, name) for name in fields(type(value))}
    changes: dict[str, Any] = {name: narrowed(part) for name, part in own.items() if isinstance(part, NETWORKS)}
    if isinstance(value, NETWORKS):
        changes |= {name: min(own[name], WIDTH) for name in WIDTHS if name in own}
    changes |= {"group": 1} if isinstance(value, GroupedResidual) else {}  # which so few channels fill
    return cast(V, dataclasses.replace(cast(Any, value), **changes))


def play(recipe: Recipe[Any], data: Shape, where: Machine, how: How, n: int, sampled: bool) -> None:
    """One round, each of its parts of n samples, by this process alone; then the columns of a sheet."""
    torch.manual_seed(mix(how.seed))
    game = playable(recipe.game(data), recipe).to(where.device)
    for layer in game.modules():
        if isinstance(layer, _BatchNorm):
            layer.register_forward_pre_hook(several)
    if isinstance(game, Adversarial):
        game.turns = dataclasses.replace(game.turns, **{f: min(at(getattr(game.turns, f), Clock()), 2)
                                            for f in ("critic", "generator")})  # fmt: skip
    batch = made_up(data, n, where.device)
    engine = Engine(game, recipe.steps, how.seed, where.precision)
    engine.play(*(Same(batch) for _ in range(how.accumulate)), clock=Clock())
    with resting(game):
        game.show(batch)
        if sampled:
            game.sample(batch.image, batch.condition)


def several(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Refuse to take the variance of one number."""
    (x,) = inputs
    alone = layer.training and x.numel() == x.shape[1]
    require(not alone, f"{type(layer).__name__} takes means over a batch, and this has one sample alone; raise "
            "--batch, or lower --accumulate")  # fmt: skip


class Same(Iterator[Images]):
    """One batch again and again."""

    def __init__(self, batch: Images) -> None:
        self.batch = batch

    def __next__(self) -> Images:
        return self.batch


def made_up(data: Shape, n: int, device: torch.device) -> Images:
    """Samples of this shape, of chance alone, and a label for each where there are classes."""
    image = (2 * torch.rand(n, *data[:3], device=device) - 1).contiguous(memory_format=torch.channels_last)
    return Images(image, torch.arange(n, device=device) % data.classes if data.classes else None)
