"""A run before anything of it is written: all that is checked, and all that is then known."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, NamedTuple

import torch

from .assembly import describe_samples_of, make_evaluator
from .batches import batch_shape
from .data.dataset import Dataset
from .out_of_memory import catch_out_of_memory
from .recipe import Recipe
from .recipes import find_recipe
from .recipes.batch_fit import describe_too_large, fit_batch
from .recipes.changes import RunRequest
from .recipes.machine_choice import choose_machine
from .recipes.on_codes import require_autoencoder
from .recipes.playable_kinds import name_playable_kinds
from .recipes.revive import name_recipe
from .recipes.round_cost import RoundCounter, round_counter
from .recipes.slow_rounds import slow_round_speed
from .recipes.sources import RecipeSource
from .recipes.transfer import Start, start_options, take_over
from .resolved import check_playable, match_options, open_checked_data, resolve_recipe
from .runs.folder import Place, RunFolder
from .runs.settings import Settings
from .shape import Shape
from .stages import plan_stages
from .training.callbacks.base import Callback
from .training.evaluator import EvaluateFunction, describe_wait
from .training.machine import Machine, find_machine, use_threads, world_size
from .training.match import MatchOptions
from .training.memory_advice import suggest_smaller_networks
from .training.run_length import Speed, resolve_length
from .training.sharding import check_several
from .training.snapshots import check_full_size
from .wrong_kind import WrongKind


class AskedRun(NamedTuple):
    """What was asked for, made out."""

    recipe: str | Recipe[Any]  # as it was named
    options: Mapping[str, str]
    asked: Settings
    name: str
    value: Recipe[Any]
    changes: dict[str, str]
    chosen: Settings
    source: RecipeSource | None

    @classmethod
    def read(cls, recipe: str | Recipe[Any], options: Mapping[str, str] | None, asked: Settings) -> AskedRun:
        given = dict(options or {})
        try:
            return cls(recipe, given, asked, *resolve_recipe(recipe, dict(given), asked))
        except WrongKind:
            name, texts = (recipe, given) if isinstance(recipe, str) else name_recipe(recipe, given)
            with name_playable_kinds(*find_recipe(name), texts, asked.data, asked.size):
                raise


class PreparedRun(NamedTuple):
    """A run that could begin now."""

    place: Place | None  # its folder; a new one in runs/ if None
    where: Machine
    samples: Dataset
    gauge: EvaluateFunction | None
    shape: Shape
    start: Start | None
    how: MatchOptions
    images: int
    speed: Speed | None  # by which minutes became images
    chosen: Settings  # as they are written down: what was left to be found is found


def prepare_run(run: AskedRun, out: str | Path | None, watch: Callback) -> PreparedRun:
    """Everything that can be refused is refused here: the place, the machine, the data, the game, its length."""
    value, chosen = run.value, run.chosen
    check_several(chosen.shard)
    require_autoencoder(run.name, value, run.asked)
    use_threads(chosen.threads)
    place = RunFolder.claim(out)
    where = find_machine(chosen.device, chosen.precision, chosen.exact)
    wish = RunRequest(dict(run.options), {})
    samples = open_checked_data(run.recipe, wish, run.asked, chosen, value, where, watch)
    gauge = make_evaluator(run.name, value, chosen, samples, where, watch)
    shape = batch_shape(value.batch_type, samples.columns, samples.name)
    with catch_out_of_memory(suggest_smaller_networks(value, shape)):
        where = choose_machine(rehearsed := where, chosen.precision, value, shape, chosen.accumulate * world_size())
    if where.precision not in (rehearsed.precision, torch.float32):
        check_playable(run.recipe, wish, run.asked, samples.columns, where)
    start = None if chosen.from_run is None else take_over(value, shape, chosen.from_run, chosen.from_weights)
    chosen, count = fit_into_memory(chosen, value, shape, where, watch)
    how = start_options(match_options(chosen), value, shape, start, chosen.freeze_critic)
    images, speed = resolve_length(
        chosen, value, samples, where, how, lambda: slow_round_speed(value, shape, where, how, count)
    )
    if chosen.measure and (waits := describe_wait(plan_stages(value, shape, images), shape, images)):
        watch.on_message(waits)
    if chosen.measure and not chosen.quiet and (many := describe_samples_of(chosen, images)):
        watch.on_message(many)
    if chosen.snapshots:
        check_full_size(plan_stages(value, shape, images), shape, images)
    return PreparedRun(place, where, samples, gauge, shape, start, how, images, speed, chosen)


def fit_into_memory(chosen: Settings, recipe: Recipe[Any], shape: Shape, where: Machine,
                    watch: Callback) -> tuple[Settings, RoundCounter]:  # fmt: skip
    """The settings with the parts that `--fit` finds, and what counts their round; a warning of what is too large."""
    how = match_options(chosen)
    count = round_counter(recipe, shape, how)
    if not chosen.fit:
        # what is counted are whole networks
        if not chosen.shard and (said := describe_too_large(recipe, shape, where, how, count)):
            watch.on_message(said)
        return chosen, count
    with catch_out_of_memory(suggest_smaller_networks(recipe, shape)):
        found = fit_batch(recipe, shape, where, how)
    watch.on_message(found.why)
    chosen = dataclasses.replace(chosen, fit=False, accumulate=found.accumulate, recompute=found.recompute)
    return chosen, round_counter(recipe, shape, match_options(chosen))


def next_folder(run: AskedRun, ready: PreparedRun) -> Place:
    """Where the run would lie if it began now."""
    return ready.place or RunFolder.next_place(folder_name(run, ready))


def folder_name(run: AskedRun, ready: PreparedRun) -> str:
    return f"{to_folder_name(run.name)}-{to_folder_name(ready.samples.name)}"


def to_folder_name(name: str) -> str:
    """A name fit for a folder's."""
    stem = name.rpartition(":")[2] if ".py:" in name else name
    short = PurePath(stem.replace("\\", "/")).stem if "/" in stem or "\\" in stem else stem
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in short).strip("-").lower()[:40] or "data"
