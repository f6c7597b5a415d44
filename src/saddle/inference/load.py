"""A run's game, ready to use."""

from __future__ import annotations

from pathlib import Path

from ..blame import blame_user_code
from ..errors import Mistake, quote_for_shell, require
from ..out_of_memory import catch_out_of_memory
from ..recipes.revive import recipe_from_manifest, trust_run
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from ..stages import clock_at, plan_stages
from ..training.checkpoint import best_checkpoint_path, check_state_fits, latest_checkpoint, read_checkpoint
from ..training.ema import load_averaged_weights
from ..training.machine import find_device
from ..training.match import strip_prefix
from .loaded import LoadedGame


@catch_out_of_memory()
def load(path: str | Path, *, device: str = "auto", average: bool = True, best: bool = False,
         trust: bool = False) -> LoadedGame:  # fmt: skip
    """The last checkpoint of a run, with the averaged weights if there are any (`average=False`: those of the match).

    `best` takes the checkpoint that was measured best instead. `trust` runs the recipe's file that the run brings,
    though nobody has named it on this machine. Mistake for a folder that holds no run, a run without a checkpoint yet,
    one without a best, a damaged or foreign checkpoint, and a recipe that is not to be trusted.
    """
    if trust:
        trust_run(path)
    folder = RunFolder.find(path)
    manifest = Manifest.read(folder)
    where = best_checkpoint_path(folder.checkpoints) if best else latest_checkpoint(folder.checkpoints)
    measured = not best or best_checkpoint_path(folder.checkpoints).exists()
    require(measured, f"{path} has no best checkpoint: it was not measured as it was trained (--measure fid)")
    if where is None:
        raise Mistake(f"{path} has no checkpoint yet; `saddle resume {quote_for_shell(path)}` trains it")
    shape = manifest.shape
    recipe = recipe_from_manifest(folder, manifest)
    with blame_user_code(Mistake, recipe):
        game, stages = recipe.game(shape), plan_stages(recipe, shape, manifest.images)
    tensors, facts = read_checkpoint(where)
    require(
        not manifest.find_difference(facts.get("identity") or {}), f"{where} is a checkpoint of another run than {path}"
    )
    check_state_fits(tensors, game.state_dict(), where)
    game.load_state_dict(strip_prefix(tensors, "game."))
    if averages := strip_prefix(tensors, "average.") if average else {}:
        load_averaged_weights(game, averages)
    game.eval().requires_grad_(False)
    where_to = find_device(device)
    classes, counts = tuple(manifest.data["classes"]), manifest.data.get("counts", ())
    clock = game.clock = clock_at(stages, manifest.images, facts["clock"]["round"], facts["clock"]["images"])
    stage = stages[clock.stage]  # whose size it plays at
    return LoadedGame(game.to(where_to), stage.data, classes, where_to, counts, clock, bool(averages),
                  max(1, stage.batch // manifest.settings.accumulate), recipe.batch_type)  # fmt: skip
