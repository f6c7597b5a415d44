"""A run that another begins with: what it was, and what it has learned."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from torch import Tensor

from ..blame import blame_user_code
from ..errors import Mistake, quote_for_shell
from ..recipe import Recipe
from ..runs.folder import BUNDLE_WEIGHTS, RunFolder
from ..runs.manifest import Manifest
from ..shape import Shape
from ..training.checkpoint import Checkpoint, check_state_fits, checkpoint_crc, read_checkpoint, read_latest_checkpoint
from ..training.match import strip_prefix
from .revive import recipe_from_manifest
from .round_cost import meta_game

StartingWeights = Literal["average", "live"]


class Origin(NamedTuple):
    """Another run as it stands: its folder, the name and value of its recipe, its data's shape, its last checkpoint."""

    folder: RunFolder
    name: str
    recipe: Recipe[Any]
    shape: Shape
    checkpoint: Checkpoint

    def weights(self, weights: StartingWeights) -> dict[str, Tensor]:
        """Its game's state, its makers averaged if that is wanted and there are such; other players have no average."""
        tensors = self.checkpoint.tensors
        averaged = strip_prefix(tensors, "average.") if weights == "average" else {}
        live = strip_prefix(tensors, "game.")
        return live | {key: t for key, t in averaged.items() if key in live}

    def facts(self, weights: StartingWeights, taken: Mapping[str, tuple[int, int]],
              tensors: Mapping[str, Tensor]) -> dict[str, Any]:  # fmt: skip
        """What a run's manifest says that begins with these tensors: of each player, layers taken and fresh."""
        averaged = any(key.startswith("average.") for key in self.checkpoint.tensors)
        return {"run": str(self.folder.path.resolve()), "recipe": self.name,
                "images": self.checkpoint.facts["clock"]["images"], "shape": list(self.shape[:3]),
                "weights": weights if averaged else "live",
                "taken": {player: list(counts) for player, counts in taken.items()},
                "crc": checkpoint_crc(tensors, "")}  # fmt: skip


def read_origin(path: str | Path) -> Origin:
    """A run with its last checkpoint; Mistake for none, for one without a checkpoint, and for a foreign one."""
    folder = RunFolder.find(path)
    manifest = Manifest.read(folder)
    recipe = recipe_from_manifest(folder, manifest)
    weights = folder.path / BUNDLE_WEIGHTS
    checkpoint = read_checkpoint(weights) if folder.is_bundle else read_latest_checkpoint(folder.checkpoints)
    if checkpoint is None:
        raise Mistake(f"{path} has no checkpoint yet; `saddle resume {quote_for_shell(path)}` trains it")
    with blame_user_code(Mistake, recipe):
        check_state_fits(checkpoint.tensors, meta_game(recipe, manifest.shape).state_dict(), folder)
    return Origin(folder, manifest.name, recipe, manifest.shape, checkpoint)
