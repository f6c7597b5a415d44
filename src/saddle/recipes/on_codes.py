"""A recipe on the codes of an autoencoder: the run that has trained it says which, and gives its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from ..blame import blame_user_code
from ..errors import Mistake, require
from ..games.encoding import EncoderGame
from ..networks import SpatialAutoencoder
from ..options import as_flags
from ..recipe import OnCodes, Recipe
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from ..runs.settings import Settings
from ..shape import Shape
from .origins import Origin
from .revive import recipe_from_manifest
from .round_cost import meta_game

PARTS = {"encoder": "encoder", "generator": "decoder"}  # what the other run calls them, and what they are here


def autoencoder_options(path: str | Path) -> dict[str, str]:
    """The fields that say which autoencoder a run has trained; Mistake for a run without one whose codes are maps."""
    folder = RunFolder.find(path)
    manifest = Manifest.read(folder)
    before = recipe_from_manifest(folder, manifest)
    networks = getattr(before, "networks", None)
    with blame_user_code(Mistake, before):
        game = meta_game(before, manifest.shape)
    maps = isinstance(game, EncoderGame) and isinstance(networks, SpatialAutoencoder)
    require(maps, f"{path} is a run of {manifest.name}, which has no codes that are maps; `saddle train ae --networks "
            "\"SpatialAutoencoder()\"` trains an autoencoder that has")  # fmt: skip
    assert isinstance(game, EncoderGame)
    return {"autoencoder": repr(networks), "numbers": str(game.numbers)}


def with_autoencoder(options: Mapping[str, str], path: str | Path) -> dict[str, str]:
    """A recipe's options, the autoencoder in them as that run has it; as they are where the run is gone."""
    found = autoencoder_options(path) if Path(path).exists() else {}
    return {name: value for name, value in options.items() if name.partition(".")[0] not in found} | found


def keep_autoencoder(recipe: Recipe[Any], folder: RunFolder, manifest: Manifest) -> Recipe[Any]:
    """A recipe, its autoencoder that of the run which it goes on with: the one that has trained it may be gone."""
    if not isinstance(recipe, OnCodes):
        return recipe
    value: Any = recipe
    then = recipe_from_manifest(folder, manifest)
    kept = {name: getattr(then, name, getattr(value, name)) for name in ("autoencoder", "numbers")}
    changed: Recipe[Any] = replace(value, **kept)
    return changed


def require_autoencoder(name: str, recipe: Recipe[Any], asked: Settings) -> None:
    """Refuse to play on the codes of an autoencoder that nobody has trained."""
    if not isinstance(recipe, OnCodes):
        return
    given = {key: str(value) for key in ("data", "size", "channels") if (value := getattr(asked, key)) is not None}
    same = f" {as_flags(given)}" if given else ""
    if asked.from_run is None:
        raise Mistake(f"{name} plays on the codes of an autoencoder, which is trained first: `saddle train ae "
                      f"--networks \"SpatialAutoencoder()\"{same} --out codes`, then `saddle train {name}{same} --from "
                      "codes`")  # fmt: skip
    RunFolder.find(asked.from_run)


def take_autoencoder(
    data: Shape, origin: Origin, kept: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], dict[str, tuple[int, int]]]:
    """The weights of the autoencoder by their names in a game on its codes, and how many layers each part has."""
    channels, old = f"--channels {origin.shape.channels}", origin.shape
    require(
        old.channels == data.channels, f"{origin.folder} has learned {old}, and the data are {data}; give {channels}"
    )
    tensors = {f"autoencoder.{PARTS[part]}.{rest}": t for key, t in kept.items()
               for part, _, rest in [key.partition(".")] if part in PARTS}  # fmt: skip
    layers = {part: len({key.rpartition(".")[0] for key in tensors if key.startswith(f"autoencoder.{part}.")})
              for part in PARTS.values()}  # fmt: skip
    return tensors, {part: (n, 0) for part, n in layers.items()}
