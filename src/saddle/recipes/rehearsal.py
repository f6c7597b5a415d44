"""A short round played before anything is written, so that what cannot be played is refused while nothing is lost."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..batches import Batch, condition_of, field_columns, real_samples
from ..blame import blame_user_code
from ..capabilities import Generates, make_from, sheet_columns
from ..clock import Clock, value_at
from ..columns import random_column
from ..core import Game
from ..data.feed import check_batch_size
from ..devices import check_fits_device, fork_chance, refuse_missing
from ..errors import Mistake, require
from ..games.slots import TakesTurns, Turns
from ..hints import field_types
from ..networks import NETWORKS, GroupedResidual
from ..parts import without_process_group
from ..recipe import Recipe, Stage
from ..shape import Shape
from ..stages import plan_stages, stage_starts
from ..training.ema import averaged_tensors, eval_no_grad
from ..training.engine import derive_seed
from ..training.machine import Machine, world_size
from ..training.match import MatchOptions, check_is_game, make_engine
from .capable import lacking

V = TypeVar("V")
Sampled = Literal["", "data", "chance"]  # will samples be made as well, and if so of data too, or of chance alone?
ASSUMED_IMAGES = 1_000_000  # of a run whose length is not known yet
NARROW_WIDTH = 8  # channels
WIDTH_FIELDS = (
    "width",
    "width_generator",
    "width_label",
    "width_critic",
    "widest",
    "head_width",
    "maxout",
    "maxout_label",
    "hidden",
    "kernels",
)
PACK_SAMPLES = 840  # samples, which packs of up to 8 divide
ODD_SAMPLES = 11  # samples, which no packs divide


def rehearse(recipe: Recipe[Any], data: Shape, where: Machine, how: MatchOptions = MatchOptions(), *,
             most: int | None = None,
             sampled: Sampled = "", fully: bool = True) -> None:  # fmt: skip
    """Play a round of each stage, of made-up samples, with networks that are thrown away; Mistake for what cannot be.

    The round is that of such data, in the parts that it will be played in, but small: of few samples, of saddle's own
    networks made narrow, and of no more than two moves of each player, for more are of the same kind. Only what few
    samples cannot play is tried with as many as there will be, if that is to be known `fully`; a recipe of the user's
    own then as wide as it is. `most` is how many samples the data have; `sampled`, whether samples will be made as
    well. Each process plays by itself.
    """
    with blame_user_code(Mistake, recipe):
        stages = plan_stages(recipe, data, ASSUMED_IMAGES)
    parts = how.accumulate * world_size()
    for stage in stages:
        check_batch_size(stage.batch, parts, stage.batch if most is None else most)
    ours = type(recipe).__module__.startswith("saddle.")  # others' may know their width, or batch, by heart
    with (
        fork_chance(where.device), blame_user_code(Mistake, recipe), refuse_missing(), without_process_group()
    ):  # fmt: skip
        for clock in stage_starts(stages, ASSUMED_IMAGES):
            n, small = stages[clock.stage].batch // parts, narrow_networks(recipe)
            try:
                play_one_round(small, data, stages, clock, where, how, fewer_samples(n), sampled)
            except Exception as error:
                if not fully or (ours and not isinstance(error, Mistake)):
                    raise
                play_one_round(small if ours else recipe, data, stages, clock, where, how, n, sampled)


def fewer_samples(n: int) -> int:
    """So few samples that whatever can be played with them can be with n: the same packs of up to 8 divide both."""
    return packs if (packs := math.gcd(n, PACK_SAMPLES)) > 1 else min(n, ODD_SAMPLES)


def narrow_networks(value: V) -> V:
    """A recipe, its networks no wider than need be to see what can be played; those of others are as they are."""
    own = {name: getattr(value, name) for name in field_types(type(value))}
    changes: dict[str, Any] = {name: narrow_networks(part) for name, part in own.items() if isinstance(part, NETWORKS)}
    if isinstance(value, NETWORKS):
        changes |= {name: min(own[name], NARROW_WIDTH) for name in WIDTH_FIELDS if own.get(name) is not None}
    changes |= {"group": 1} if isinstance(value, GroupedResidual) else {}  # which so few channels fill
    return cast(V, dataclasses.replace(cast(Any, value), **changes))


def play_one_round(recipe: Recipe[Any], data: Shape, stages: Sequence[Stage], clock: Clock, where: Machine,
                   how: MatchOptions, n: int, sampled: Sampled) -> None:  # fmt: skip
    """One round, each of its parts of n samples, by this process alone; then the columns of a sheet."""
    torch.manual_seed(derive_seed(how.seed))
    stage = stages[clock.stage]
    game = check_is_game(recipe.game(data), recipe)
    check_fits_device(game, where.device)
    game = game.to(where.device)
    for layer in game.modules():
        if isinstance(layer, _BatchNorm):
            layer.register_forward_pre_hook(check_several_samples)
    if isinstance(game, TakesTurns) and isinstance(game.turns, Turns):
        game.turns = dataclasses.replace(game.turns, **{f: min(value_at(getattr(game.turns, f), clock), 2)
                                            for f in ("critic", "generator")})  # fmt: skip
    batch = random_batch(recipe.batch_type, stage.data, n, where.device)
    if how.ema:
        averaged_tensors(game)
    engine, game.clock = make_engine(game, recipe, stage, where, how), clock
    engine.play(*(RepeatedBatch(batch) for _ in range(how.accumulate)), clock=clock)
    with eval_no_grad(game):
        check_sample_shape(game, sheet_columns(game, batch), real_samples(batch))
        if sampled == "chance" and not isinstance(game, Generates):
            raise lacking(type(game), Generates)
        if sampled and make_from(game, real_samples(batch), condition_of(batch)) is None:
            raise lacking(type(game), Generates)


def check_sample_shape(game: Game[Any], columns: Mapping[str, Tensor], real: Tensor) -> None:
    """Refuse samples of another shape than the data's: a critic that takes any size would play with them in silence."""
    made = columns.get("made") if isinstance(game, Generates) else None
    if made is not None and made.shape[1:] != real.shape[1:]:
        made_as, data = (tuple(pictures.shape[1:]) for pictures in (made, real))
        raise Mistake(f"{type(game).__name__} makes samples of (channels, height, width) {made_as} where the data are "
                      f"{data}, so the networks do not fit this size")  # fmt: skip


def check_several_samples(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    """Refuse to take the variance of one number."""
    (x,) = inputs
    alone = layer.training and x.numel() == x.shape[1]
    require(not alone, f"{type(layer).__name__} takes means over a batch, and this has one sample alone; raise "
            "--batch, or lower --accumulate")  # fmt: skip


class RepeatedBatch(Iterator[Batch]):
    """One batch again and again."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch

    def __next__(self) -> Batch:
        return self.batch


def random_batch(kind: type[Any], data: Shape, n: int, device: torch.device) -> Batch:
    """Samples of this shape, of chance alone, with whatever else such batches hold of the data."""
    holds = field_columns(kind, data)
    made: Batch = kind(**{field: random_column(column, n, device) for field, column in holds.items()})
    return made
