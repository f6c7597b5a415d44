"""What was asked for, made out: settings, the recipe's value, data that it can be played on."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from .batches import batch_shape, check_has_columns, required_columns
from .continued import absolute_source
from .data import Prepare, open_data
from .data.dataset import Dataset
from .data.held_out import check_hold_out_count, hold_out
from .data.opening import describe_source, source_columns
from .data.pairing.columns import glyph_columns
from .data.sources import resolve_source_name, unambiguous_source
from .data.streams import most_in_batch
from .data.undecoded import ColumnsCheck
from .errors import Mistake, did_you_mean
from .image_size import ImageSize, read_size
from .measuring.metric_table import (
    all_metrics,
    check_measure_settings,
    judged_of_data,
    judged_of_game,
    parse_metric_names,
)
from .notices import Notify
from .options import parse_count
from .recipe import OnCodes, Recipe
from .recipes import RecipeEntry, canonical, find_recipe
from .recipes.assumed import GLYPH_CLASSES, assumed_columns
from .recipes.capable import game_class
from .recipes.changes import PlannedRun, RunRequest
from .recipes.on_codes import with_autoencoder
from .recipes.rehearsal import Sampled, rehearse
from .recipes.remedies import PlanRun, TryRun, add_advice, find_remedy
from .recipes.revive import name_recipe, override_recipe, recipe_source
from .recipes.sources import RecipeSource
from .runs.settings import Settings
from .shape import Classes, Column, Columns, Picture, Shape
from .training.callbacks.base import Callback, QuietDisplay
from .training.machine import Machine, find_machine, local_rank, preserved_globals, process_rank
from .training.match import MatchOptions
from .training.together import wait_for_machines


def parse_settings(data: str | None, settings: Mapping[str, Any]) -> Settings:
    """Settings from keywords, refusing unknown ones by the nearest name."""
    known = {field.name for field in dataclasses.fields(Settings)}
    for name in settings:
        if name not in known:
            raise Mistake(f"there is no setting {name}{did_you_mean(name, known)}")
    counts = {name: settings.get(name) for name in ("images", "every", "samples")}
    more = {name: parse_count(value) for name, value in counts.items() if isinstance(value, str)}
    chosen = Settings(data=data, **{**settings, **more})
    if chosen.measure is not None:
        check_measure_settings(chosen.measure, chosen.features, chosen.patience, chosen.samples)
    return chosen


def resolve_recipe(recipe: str | Recipe[Any], options: dict[str, str],
           chosen: Settings) -> tuple[str, Recipe[Any], dict[str, str], Settings, RecipeSource | None]:  # fmt: skip
    """The recipe's name, value and changed fields, the settings with its own data where none was named; its source."""
    by_name = isinstance(recipe, str)
    if not isinstance(recipe, str):
        recipe, options = name_recipe(recipe, options)
    recipe = canonical(recipe)
    standard, entry = find_recipe(recipe)
    data = None if chosen.data is None else absolute_source(resolve_source_name(chosen.data))
    if by_name and data in (None, entry.data):
        options = default_data_overrides(entry, options)
    size = entry.size if chosen.data is None else None
    path, colon, attribute = recipe.rpartition(":")
    name = f"{Path(path).resolve()}:{attribute}" if colon and path.endswith(".py") else recipe
    chosen = dataclasses.replace(
        chosen, data=entry.data if data is None else data, size=chosen.size or size,
        labels=None if chosen.labels is None else absolute_source(chosen.labels),
        captions=None if chosen.captions is None else absolute_source(chosen.captions),
        from_run=None if chosen.from_run is None else str(Path(chosen.from_run).resolve()),
        source=None if chosen.source is None else absolute_source(chosen.source),
        plugin=None if chosen.plugin is None else str(Path(chosen.plugin).resolve()))  # fmt: skip
    value = override_recipe(standard, entry, options)
    if isinstance(value, OnCodes) and chosen.from_run is not None:
        options = with_autoencoder(options, chosen.from_run)
        value = override_recipe(standard, entry, options)
    return name, value, options, chosen, recipe_source(value, entry)


def open_checked_data(recipe: str | Recipe[Any], wish: RunRequest, asked: Settings, chosen: Settings,
                      value: Recipe[Any], where: Machine, watch: Callback) -> Dataset:  # fmt: skip
    """The data, if such can be played on; what cannot is refused before pictures are read, as far as can be told."""
    judged_of_game(chosen, game_class(value))
    source = resolve_source_name(chosen.data or "glyphs")
    if (known := source_columns(source, Prepare.of(chosen), required_columns(value.batch_type))) is not None:
        check_has_columns(value.batch_type, known, describe_source(source))
    rehearsed: list[Columns] = []

    def suits(columns: Columns, most: int | None) -> None:
        if most is not None:
            check_hold_out_count(chosen.held_out, most)
            most -= chosen.held_out
        judged_of_data(chosen, batch_shape(value.batch_type, columns, describe_source(source)), most)
        rehearsed.append(check_playable(recipe, wish, asked, columns, where, most))

    samples = open_training_data(chosen, required_columns(value.batch_type), watch, suits)
    most = most_in_batch(samples, value.batch_type)
    if samples.columns not in rehearsed or value.batch > most:
        check_playable(recipe, wish, asked, samples.columns, where, most)
    return samples


def check_playable(recipe: str | Recipe[Any], wish: RunRequest, asked: Settings, columns: Columns,
                   where: Machine, most: int | None = None) -> Columns:  # fmt: skip
    """The columns, if data of such can be played on; else refused, before any are read or written, proposing what can.

    `most`: how many samples there are, once that is known.
    """

    understand, attempt = make_rehearsals(recipe, asked, columns, where, most)
    planned = understand(wish)
    try:
        attempt(planned, True)
    except Mistake as refusal:
        raise add_advice(refusal, wish, understand, attempt) from None
    return columns


def find_playable_options(recipe: str, options: Mapping[str, str]) -> Mapping[str, str]:
    """These options and whatever else it takes that a recipe can be played on glyphs, or points, of its own with them.

    Nothing where no change is known that helps.
    """
    value, entry = find_recipe(recipe)
    columns = assumed_columns(entry, required_columns(value.batch_type))
    understand, attempt = make_rehearsals(recipe, Settings(device="cpu"), columns, find_machine("cpu"))
    wish = RunRequest(options, {})
    with preserved_globals():
        try:
            attempt(understand(wish), True)
        except Mistake as refusal:
            found = find_remedy(wish, refusal, understand, attempt)
            return found.options if found and not found.settings and options.items() <= found.options.items() else {}
    return options


def make_rehearsals(recipe: str | Recipe[Any], asked: Settings, columns: Columns, where: Machine,
                    most: int | None = None) -> tuple[PlanRun, TryRun]:  # fmt: skip
    """How a wish is understood as something that can be played on such data, and how that is tried."""

    def understand(wish: RunRequest) -> PlannedRun:
        _, value, _, chosen, _ = resolve_recipe(recipe, dict(wish.options), dataclasses.replace(asked, **wish.settings))
        size = wish.settings.get("size")
        here = columns
        if "data" in wish.settings:
            here = glyph_columns(required_columns(value.batch_type), Shape(1, 1, 1, Classes(GLYPH_CLASSES)))
        if size:
            here = {name: resized(column, read_size(size)) for name, column in here.items()}
        shape = batch_shape(value.batch_type, here)
        return PlannedRun(value, shape, match_options(chosen), most)

    def attempt(at: PlannedRun, fully: bool) -> None:
        asks = [all_metrics()[name] for name in parse_metric_names(asked.measure)] if asked.measure is not None else []
        sampled: Sampled = "chance" if any(metric.generator for metric in asks) else "data" if asks else ""
        rehearse(at.recipe, at.data, where, at.how, most=at.most, sampled=sampled, fully=fully)

    return understand, attempt


def resized(column: Column, size: ImageSize) -> Column:
    """What a column is of pictures that are brought to this size."""
    return Picture(column.shape._replace(**size._asdict())) if isinstance(column, Picture) else column


def default_data_overrides(entry: RecipeEntry, options: dict[str, str]) -> dict[str, str]:
    """The options, with what a named recipe has beside them for the data that it trains on by itself."""
    given = {option.replace("-", "_") for option in options}
    return {f: value for f, value in entry.quick.items() if not given & {f, f.partition(".")[0]}} | options


def open_training_data(chosen: Settings, wants: Collection[str], watch: Callback,
                       suits: ColumnsCheck = lambda columns, most: None,
                       say: Notify | None = None) -> Dataset:  # fmt: skip
    """The data with the columns that are wanted, decoded by each machine's first process while its others wait.

    That process says what was found: of another machine's disk the run's first one knows nothing.
    """
    source = unambiguous_source(chosen.data or "glyphs")
    if local_rank():
        wait_for_machines()
    here = QuietDisplay() if not local_rank() else Callback()
    tell = (say or watch.on_message) if process_rank() == 0 else here.on_message
    data = open_data(source, Prepare.of(chosen), tell, suits=suits, wants=wants)
    if not local_rank():
        wait_for_machines()
    return hold_out(data, chosen.held_out)


def match_options(chosen: Settings) -> MatchOptions:
    return MatchOptions(chosen.seed, chosen.accumulate, chosen.ema, chosen.recompute, chosen.fast,
                        chosen.snapshots, shard=chosen.shard)  # fmt: skip
