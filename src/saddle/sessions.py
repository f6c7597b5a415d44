"""Train and resume: recipe, data and settings come together into a run."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, Unpack

import torch

from .assembly import locked_run, make_callbacks, make_evaluator, make_loop, settled_run
from .batches import required_columns
from .continued import (
    Means,
    can_extend,
    check_same_data,
    describe_length,
    extend_length,
    refuse_elsewhere,
    refuse_other_command,
    relocate_data,
    with_means,
)
from .data.in_memory import GivenData, use_given
from .data.own_sources import own_sources
from .data.prepare import Decode
from .data.progress import hide_progress
from .data.wording import without_option_hints
from .errors import Mistake
from .inference.named_weights import date_weights
from .measuring.metric_table import all_metrics
from .out_of_memory import catch_out_of_memory
from .preparing import AskedRun, PreparedRun, folder_name, prepare_run
from .recipe import Recipe
from .recipes import files
from .recipes.copies import CodeVersion, replace_source, source_to_resume, store_source
from .recipes.on_codes import keep_autoencoder
from .recipes.plugins import (
    describe_edited_plugin,
    run_plugin,
    store_plugin,
    use_plugin_file,
    use_plugin_source,
)
from .recipes.revive import check_same_recipe, manifest_value_types, parse_recipe, recipe_from_manifest, trust_run
from .recipes.sources import RecipeSource
from .recipes.transfer import describe_start, read_start, start_options, write_start
from .resolved import match_options, open_training_data, parse_settings
from .runs.folder import RunFolder
from .runs.manifest import Manifest
from .runs.path import RunPath
from .runs.settings import Fast, Settings, TrainKeywords
from .seconds import Seconds
from .signatures import takes_fields_of
from .training.callbacks.base import Callback
from .training.checkpoint import read_latest_checkpoint
from .training.health.checks import all_checks
from .training.loop import Loop
from .training.machine import (
    broadcast_text,
    machine_of_run,
    preserved_globals,
    process_group,
    process_rank,
    use_threads,
    world_size,
)
from .training.manifest_facts import make_data_facts, make_machine_facts
from .training.match import CheckpointFacts
from .training.part_effects import describe_other_processes
from .training.run_length import describe_short_run
from .training.sharding import check_several


@takes_fields_of(Settings, TrainKeywords)
def train(recipe: str | Recipe[Any] = "dcgan", data: str | Path | GivenData | None = None, *,
          out: str | Path | None = None, resume: Literal["auto"] | None = None,
          options: Mapping[str, str] | None = None, watch: Callback | None = None,
          **settings: Unpack[TrainKeywords]) -> RunPath:  # fmt: skip
    """Train a recipe on data and return the run's folder, a path that shows itself in a notebook (`run.show()`).

    `recipe` is a name (`saddle list`), a file and a name in it ("mine.py:MyGAN"), or a value such as DCGAN(batch=32);
    `data` is what --data takes, or images themselves: an array or tensor, uint8 or floats in [0, 1] or [-1, 1], a
    mapping of columns such as {"image": images, "label": labels}, or a Dataset. `options` changes fields as on the
    command line, {"optimizer.lr": "1e-4"}. `out` is the run's folder, a new one in
    runs/ if not given. With `resume="auto"` the same call goes on with the run in `out` if one was begun there, and
    only reports one that is finished; another recipe, other data or settings are refused. `watch` is told what happens.
    Raises Mistake for what cannot be done, Failure when the work fails, Interrupted on a signal.
    """
    files.check_not_reading()
    refuse_elsewhere(resume, out)
    with use_plugin_file(settings.get("plugin")) as plugin, use_given(data) as source:
        return train_run(recipe, parse_settings(source, settings), out, resume, options, watch, plugin)


def train_run(recipe: str | Recipe[Any], chosen: Settings, out: str | Path | None, resume: Literal["auto"] | None,
              options: Mapping[str, str] | None, watch: Callback | None,
              plugin: RecipeSource | None) -> RunPath:  # fmt: skip
    """The same, with what the plugin defines at hand."""
    check_plugin_names()
    with hide_progress(chosen.quiet), catch_out_of_memory(), preserved_globals(), process_group():
        watch = watch or make_callbacks(chosen)
        run = AskedRun.read(recipe, options, chosen)
        name, value, chosen, source = run.name, run.value, run.chosen, run.source
        if resume and out is not None and begun(out):
            return go_on(RunFolder.find(out), value, chosen, watch)
        ready = prepare_run(run, out, watch)
        place, where, samples, gauge, shape, start, how, images, _, chosen = ready
        own = RunFolder.create(place, folder_name(run, ready)) if process_rank() == 0 else None
        told = broadcast_text(str(own.path) if own else None)
        folder = own or RunFolder(told)
        manifest = Manifest(
            name, repr(value), run.changes, chosen, images, make_data_facts(samples, shape), make_machine_facts(where),
            datetime.now().astimezone().isoformat(timespec="seconds"), source.hashes if source else {},
            plugin.hashes if plugin else {}, origin=dict(start.facts) if start else {})  # fmt: skip
        with settled_run(folder) as done, locked_run(folder):
            if process_rank() == 0:
                folder.check_not_taken()
                store_source(source, folder)
                store_plugin(plugin, folder)
                manifest.write(folder)
                if start:
                    write_start(folder, start)
                if start and not chosen.quiet:
                    watch.on_message(f"{folder} {describe_start(start.facts)}")
            loop = make_loop(folder, manifest, value, samples, where, watch, gauge, how)
            loop.restore(None)
            if loop.snapshots:
                watch.on_message(loop.snapshots.describe())
            loop.go()
            fits = partial(can_extend, manifest, value, loop.match.clock.images)
            if said := describe_short_run(chosen, images, loop.seconds_played, folder, fits):
                watch.on_message(said)
        return RunPath(done.path)


def dry_run(recipe: str, *, out: Path | None, options: Mapping[str, str], watch: Callback,
            tell: Callable[[AskedRun, PreparedRun], None], **settings: Unpack[TrainKeywords]) -> None:  # fmt: skip
    """Check all that a training checks, and tell what it would train; of the run nothing is written.

    Raises as `train` does. What the cache keeps of the data it keeps, for the training that follows.
    """
    files.check_not_reading()
    chosen = parse_settings(settings.pop("data", None), settings)  # type: ignore[typeddict-item]
    check_plugin_names()
    with hide_progress(chosen.quiet), catch_out_of_memory(), preserved_globals(), process_group():
        make_callbacks(chosen)  # refuses what is not installed
        run = AskedRun.read(recipe, options, chosen)
        ready = prepare_run(run, out, watch)
        if process_rank() == 0:
            tell(run, ready)


def check_plugin_names() -> None:
    """Refuse, before anything is made, a metric, a health check or a data set that is called as another."""
    all_metrics()
    all_checks()
    own_sources()


def begun(out: str | Path) -> bool:
    """Is there a run that has its manifest? Of several processes the first looks, before any of them makes one."""
    return broadcast_text("begun" if process_rank() == 0 and RunFolder.find_begun(out) else "") == "begun"


def go_on(folder: RunFolder, recipe: Recipe[Any], chosen: Settings, watch: Callback) -> RunPath:
    """Go on with a run by the command that it was begun with; its data may have been moved, and are then compared."""
    manifest = Manifest.read(folder)
    then = manifest.settings
    recipe = keep_autoencoder(recipe, folder, manifest)
    if chosen.fit:  # was found when the run began
        chosen = dataclasses.replace(chosen, fit=False, accumulate=then.accumulate, recompute=then.recompute)
    data = None if chosen.data == then.data else chosen.data
    refuse_other_command(folder, relocate_data(folder, manifest, data, "resume"), recipe, chosen)
    threads = None if chosen.threads == then.threads else chosen.threads
    means = Means(*(getattr(chosen, name) for name in Means._fields))
    return resume(str(folder), threads=threads, data=data, watch=watch, quiet=chosen.quiet, **means._asdict())


def resume(path: str | Path, *, threads: int | None = None, data: str | Path | GivenData | None = None,
           images: str | int | None = None, watch: Callback | None = None, trust: bool = False,
           code: CodeVersion | None = None, quiet: bool = False, decode: Decode | None = None,
           recompute: bool | None = None, shard: bool | None = None, grace: Seconds | None = None,
           fast: Fast | None = None, exact: bool | None = None) -> RunPath:  # fmt: skip
    """Go on with a run exactly where it stopped; the same machine and number of threads give the same bits.

    `data` says where its data lie now, or is these data, if they were given in Python; they are known by their content.
    `images` makes it longer: so many in all, or
    "+100k" on top; what is scheduled over the run is then so in shares of the new length. `trust`: run the recipe's
    file that the run brings, though nobody has named it on this machine. `code`: if the file was edited since, go on
    with the run's own "copy" of it, or the "file" as it is. `quiet`: say only what needs attention. `decode` images
    "once" or "on-the-fly" from now on; `recompute`: keep fewer activations from now on, or all again; `shard`: divide
    weights among the processes from now on, or no more; `grace`: how long it may take to save itself, once it is asked
    to stop; `fast` and `exact`: how it calculates from now on, as the settings of these names say. Raises as `train`.
    """
    if trust:
        trust_run(path)
    folder = RunFolder.find(path)
    folder.check_no_bundle()
    manifest = Manifest.read(folder)
    shown = dataclasses.replace(manifest.settings, quiet=quiet or manifest.settings.quiet)
    plugin = use_plugin_source(run_plugin(folder, manifest))
    with plugin, hide_progress(shown.quiet), catch_out_of_memory(), preserved_globals(), process_group():
        if folder.remote and process_rank() == 0:
            folder = folder.copy_to_play_in()
        with settled_run(folder) as done, locked_run(folder), use_given(data) as place:
            restore_loop(
                folder, manifest, threads, watch or make_callbacks(shown), code, place, images,
                Means(decode, recompute, shard, grace, fast, exact),
            ).go()  # fmt: skip
        return RunPath(done.path)


def restore_loop(folder: RunFolder, before: Manifest, threads: int | None, watch: Callback, code: CodeVersion | None,
                 data: str | None, images: str | int | None, means: Means) -> Loop:  # fmt: skip
    """A run that stands where it stopped; its checkpoint, as large as the networks, is let go of before it plays on."""
    source = source_to_resume(folder, before, code, watch.on_message)
    if said := describe_edited_plugin(folder, before):
        watch.on_message(said)
    value = recipe_from_manifest(folder, before, source)
    checkpoint = read_latest_checkpoint(folder.checkpoints)
    shown = checkpoint.facts["clock"]["images"] if checkpoint else 0
    manifest = extend_length(before, value, images, shown)
    if checkpoint:
        check_unchanged(checkpoint.facts, manifest, value, source)
    relocate_data(folder, manifest, data, "resume")
    if said := describe_length(folder, manifest, before, value, shown):
        watch.on_message(said)
    if process_rank() == 0:
        before = replace_source(folder, before, source, shown)
    manifest = relocate_data(folder, extend_length(before, value, images, shown), data, "resume")
    manifest = with_means(manifest, means)
    chosen = manifest.settings
    check_several(chosen.shard)
    samples = open_training_data(
        chosen, required_columns(value.batch_type), watch, say=without_option_hints(watch.on_message)
    )
    check_same_data(samples, manifest, data)
    device = str(manifest.machine["device"])
    kind = device.partition(":")[0]  # of several processes each has a GPU of its own
    where = machine_of_run(device if world_size() == 1 else kind, manifest.machine, chosen.exact)
    for warning in adopt_threads(manifest, threads):
        watch.on_message(warning)
    gauge = make_evaluator(manifest.name, value, chosen, samples, where, watch)
    start = read_start(folder, manifest, value) if checkpoint is None else None
    how = start_options(match_options(chosen), value, manifest.shape, start, chosen.freeze_critic)
    loop = make_loop(folder, manifest, value, samples, where, watch, gauge, how)
    for sentence in describe_other_processes(loop.match.game, int(manifest.machine["processes"]), world_size()):
        watch.on_message(sentence)
    loop.restore(checkpoint)
    if process_rank() == 0 and loop.match.clock.images < manifest.images:
        for old, new in date_weights(folder).items():
            watch.on_message(f"the run goes on, so weights {old} are called {new} from now on")
    if manifest != before and process_rank() == 0:
        manifest.write(folder)
        folder.remember_contents()
    return loop


def check_unchanged(
    facts: CheckpointFacts, manifest: Manifest, recipe: Recipe[Any], source: RecipeSource | None
) -> None:
    """Refuse to go on from a checkpoint of something else, naming what differs."""
    then, now = facts.get("identity") or {}, manifest.identity
    known = manifest_value_types(manifest, source)
    check_same_recipe(parse_recipe(str(then.get("recipe")), known), recipe, "in the checkpoint", "in manifest.json now")
    if name := manifest.find_difference(then):
        raise Mistake(f"{name} is {then.get(name)} in the checkpoint, but {now[name]} in manifest.json now; "
                      "a run cannot go on with another")  # fmt: skip
    if then["images"] != manifest.images and isinstance(facts.get("measured"), dict):
        facts["measured"]["since"] = 0  # it is to go on: patience begins anew


def adopt_threads(manifest: Manifest, threads: int | None) -> list[str]:
    """Take the run's number of threads, and say where this machine's is another than it had."""
    then = manifest.machine
    use_threads(threads or min(then["threads"], os.cpu_count() or 1))
    now = {"threads": torch.get_num_threads(), "torch": torch.__version__}
    return [f"warning: this run had {name} {then[name]}, now {value}: it goes on, but not to the same bits"
            for name, value in now.items() if then[name] != value]  # fmt: skip
