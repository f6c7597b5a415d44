"""The parts of a run put together: its loop with what measures it, what shows it, and the lock on its folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from .data.dataset import Dataset
from .measuring.metric_table import all_metrics, parse_metric_names
from .options import as_flags
from .recipe import Recipe
from .runs.folder import RunFolder
from .runs.manifest import Manifest
from .runs.settings import Settings
from .stages import count_rounds
from .training.callbacks.base import Callback, Callbacks, default_callbacks
from .training.evaluator import EvaluateFunction, Evaluator, describe_samples
from .training.game_notes import (
    describe_large_networks,
    describe_single_class,
    describe_slow_average,
    describe_warm_up,
)
from .training.loop import Loop
from .training.machine import Machine, process_rank, world_size
from .training.match import Match, MatchOptions
from .training.part_effects import describe_kept_activations, describe_part_effects

MEASUREMENTS = 10  # of a run, beside that of its beginning, where nothing is said of how many


def make_loop(folder: RunFolder, manifest: Manifest, recipe: Recipe[Any], samples: Dataset, where: Machine,
              watch: Callback, gauge: EvaluateFunction | None, how: MatchOptions) -> Loop:  # fmt: skip
    chosen = manifest.settings
    match = Match(recipe, samples, manifest.images, where, how)
    parts = describe_part_effects(match.game, match.stage.batch, chosen.accumulate, world_size())
    kept = describe_kept_activations(match.game) if chosen.recompute else ()
    notes = *describe_single_class(match.game, manifest.shape), *describe_warm_up(match.game, manifest.images)
    rounds = count_rounds(match.stages, manifest.images)
    slow = describe_slow_average(match.ema.how if match.ema else None, rounds, manifest.images)
    large = describe_large_networks(match.game, recipe, manifest.shape)
    for sentence in (*large, *notes, *slow, *parts, *kept):
        watch.on_message(sentence)
    match.notes.listen(watch.on_message)
    asked = f" with {as_flags(manifest.options)}" if manifest.options else ""
    title = f"{manifest.name} on {samples.name}{asked}"  # the folder's name may be anything
    measuring = (
        Evaluator(folder, gauge, measured_every(chosen, manifest.images), chosen.patience, watch)
        if chosen.measure
        else None
    )
    return Loop(match, folder, manifest.identity, title=title, pictures=chosen.pictures,
                checkpoints=chosen.checkpoints, grace=float(chosen.grace), watch=watch, measuring=measuring,
                on_collapse=chosen.on_collapse)  # fmt: skip


@contextmanager
def locked_run(folder: RunFolder) -> Iterator[None]:
    """Nobody else writes into the run in here; of several processes the first sees to that."""
    with nullcontext() if process_rank() else folder.lock():
        yield


@contextmanager
def settled_run(folder: RunFolder) -> Iterator[RunFolder]:
    """Where the run lies when it is no more played, which is told when that is so: of one at a URL elsewhere."""
    done = RunFolder(folder.path)
    try:
        yield done
    finally:
        if folder.remote and process_rank() == 0:
            done.path = folder.remote.settle(folder.path)


def make_evaluator(
    name: str, recipe: Recipe[Any], chosen: Settings, samples: Dataset, where: Machine, watch: Callback
) -> EvaluateFunction | None:
    """What measures the run, if that was asked for; of several processes the first does, and the others help it."""
    if chosen.measure is None:
        return None
    from .measuring import shared_sampling, training_evaluator

    if process_rank():
        return shared_sampling.SampleHelper(name, samples, chosen.samples)

    return training_evaluator.TrainingEvaluator(
        name, samples, chosen, where.device, watch.on_message, recipe.batch_type
    )


def describe_samples_of(chosen: Settings, images: int) -> str:
    """What to say of how many samples are made for figures."""
    least = max(all_metrics()[name].least for name in parse_metric_names(chosen.measure or ""))
    return describe_samples(chosen.samples, least, images, measured_every(chosen, images))


def measured_every(chosen: Settings, images: int) -> int:
    """Images between two measurements."""
    return chosen.every or max(1, images // MEASUREMENTS)


def make_callbacks(chosen: Settings) -> Callback:
    """What shows the run; of several processes only the first has any."""
    return (
        Callbacks(*default_callbacks(chosen.board, chosen.quiet, chosen.wandb)) if process_rank() == 0 else Callback()
    )
