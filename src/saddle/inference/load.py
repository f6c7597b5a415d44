"""A run's game, ready to use."""

from __future__ import annotations

from pathlib import Path

from ..blame import blame_user_code
from ..devices import check_fits_device
from ..errors import Mistake, quote_for_shell, require
from ..out_of_memory import catch_out_of_memory
from ..recipes.revive import recipe_from_manifest, trust_run
from ..recipes.round_cost import meta_game
from ..runs.folder import BUNDLE_WEIGHTS, RunFolder
from ..runs.manifest import Manifest
from ..stages import clock_at, plan_stages
from ..training.checkpoint import (
    Checkpoint,
    best_checkpoint_path,
    check_state_fits,
    latest_checkpoint,
    read_checkpoint,
)
from ..training.ema import load_averaged_weights
from ..training.machine import find_device
from ..training.match import strip_prefix
from .loaded import LoadedGame
from .named_weights import read_named_weights
from .standing import take_standing_statistics


@catch_out_of_memory()
def load(path: str | Path, *, device: str = "auto", average: bool = True, best: bool = False,
         weights: str | None = None, standing: int | None = None, trust: bool = False) -> LoadedGame:  # fmt: skip
    """The last checkpoint of a run, with the averaged weights if there are any (`average=False`: those of the match).

    Of a bundle, which `saddle export` and `push` make, the weights that it has. `path` may be `hf://OWNER/NAME` or
    `hf://OWNER/NAME@REVISION`: a bundle of the hub, fetched once and kept in the cache. `best` takes the checkpoint
    that was measured best instead. `weights` names a set that `saddle average` made, such as "std-0.1". With `standing`
    batch normalisation's averages become those of one batch of so many samples. `trust` runs the recipe's file that the
    run brings, though nobody has named it on this machine.
    Mistake for a folder that holds no run, a run without a checkpoint yet, one without a best or without such a set, a
    damaged or foreign checkpoint, and a recipe that is not to be trusted.
    """
    check_one_choice(average, best, weights)
    if trust:
        trust_run(path)
    folder = RunFolder.find(path)
    manifest = Manifest.read(folder)
    where = find_checkpoint(folder, best)
    require(not folder.is_bundle or (average and weights is None), f"{path} is a bundle, which has one set of weights; "
            "leave the choice of weights out")  # fmt: skip
    shape = manifest.shape
    recipe = recipe_from_manifest(folder, manifest)
    last = chosen = read_checkpoint(where)
    own_checkpoint(last, where, manifest, path)
    with blame_user_code(Mistake, recipe):
        if folder.is_bundle:  # of strangers: no memory is taken for networks that are not those of the file
            check_state_fits(last.tensors, meta_game(recipe, shape).state_dict(), where)
        game, stages = recipe.game(shape), plan_stages(recipe, shape, manifest.images)
    check_state_fits(last.tensors, game.state_dict(), where)
    game.load_state_dict(strip_prefix(last.tensors, "game."))
    if weights is not None:
        chosen, file = read_named_weights(folder, weights)
        own_checkpoint(chosen, file, manifest, path)
    if averages := strip_prefix(chosen.tensors, "average.") if average else {}:
        load_averaged_weights(game, averages)
    game.eval().requires_grad_(False)
    where_to = find_device(device)
    classes, counts = tuple(manifest.data["classes"]), manifest.data.get("counts", ())
    then = chosen.facts["clock"]
    clock = game.clock = clock_at(stages, manifest.images, then["round"], then["images"])
    stage = stages[clock.stage]  # whose size it plays at
    worn = weights or ("averaged" if averages else str(chosen.facts.get("weights", "last")))
    check_fits_device(game, where_to)
    loaded = LoadedGame(game.to(where_to), stage.data, classes, where_to, counts, clock, worn,
                    max(1, stage.batch // manifest.settings.accumulate), recipe.batch_type)  # fmt: skip
    if standing is not None:
        take_standing_statistics(loaded, standing)
        loaded.standing = standing
    return loaded


def own_checkpoint(checkpoint: Checkpoint, file: Path, manifest: Manifest, run: str | Path) -> None:
    """Refuse a checkpoint that another run has written."""
    told = checkpoint.facts.get("identity") or {}
    require(not manifest.find_difference(told), f"{file} is a checkpoint of another run than {run}")


def check_one_choice(average: bool, best: bool, weights: str | None) -> None:
    """Refuse weights that are named in two ways."""
    for given, option in ((best, "--best"), (not average, "--no-average")):
        require(weights is None or not given, f"weights {weights} and {option} both say which weights are used; give "
                                              "one of them")  # fmt: skip


def find_checkpoint(folder: RunFolder, best: bool) -> Path:
    """The last checkpoint, or the one that was measured best; Mistake where there is none."""
    if folder.is_bundle:
        require(not best, f"{folder} is a bundle, which has one set of weights; leave --best out")
        return folder.path / BUNDLE_WEIGHTS
    if best:
        measured = best_checkpoint_path(folder.checkpoints)
        require(measured.exists(), f"{folder} has no best checkpoint: it was not measured as it was trained "
                                   "(--measure fid)")  # fmt: skip
        return measured
    last = latest_checkpoint(folder.checkpoints)
    if last is None:
        raise Mistake(f"{folder} has no checkpoint yet; `saddle resume {quote_for_shell(folder)}` trains it")
    return last
