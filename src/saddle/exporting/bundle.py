"""A run's weights and what it was, in a folder of its own that `saddle.load` opens as it opens the run."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

import torch

from .. import __version__
from ..errors import require
from ..inference.loaded import LoadedGame
from ..inference.networks import Network, take_network
from ..recipes import files
from ..recipes.plugins import read_plugin
from ..recipes.revive import manifest_value_types, parse_recipe, read_source
from ..runs.folder import BUNDLE_MANIFEST, BUNDLE_WEIGHTS, PLUGIN_FOLDER, SOURCE_FOLDER, RunFolder
from ..runs.manifest import BUNDLE_FORMAT, Manifest
from ..runs.writing import check_writable, make_folder, write_json
from ..schema import conform, read_json
from ..stages import clock_at, plan_stages
from ..training.checkpoint import write_checkpoint
from ..training.match import CLOCK_FACTS
from .facts import Exported

PATHS = ("data", "labels", "captions", "source", "target", "features", "plugin", "from_run")  # settings that may name


def export_bundle(loaded: LoadedGame, place: str | Path, run: RunFolder, *, standing: int | None = None) -> Exported:
    """Write a loaded run as `model.safetensors`, all its networks with the weights that they have now, and
    `config.json`, its manifest without this machine's folders; a recipe's or plugin's own source beside them.

    `saddle.load(place)` makes the same samples to the bit. Mistake for a folder in which anything but such lies.
    """
    folder, manifest = Path(place), Manifest.read(run)
    check_bundle_place(folder)
    clock = {name: getattr(loaded.clock, name) for name in CLOCK_FACTS}
    public = public_manifest(manifest)
    tensors = {f"game.{key}": t for key, t in loaded.game.state_dict().items()}
    config = {"format": BUNDLE_FORMAT, "saddle": __version__, "recipe": public["name"], "weights": loaded.weights,
              "images": loaded.clock.images, **({"standing": standing} if standing else {}), "run": public}  # fmt: skip
    make_folder(folder)
    for source, name in ((read_source(run, manifest), SOURCE_FOLDER), (read_plugin(run, manifest), PLUGIN_FOLDER)):
        if source:
            source.copy(folder / name)
    facts = {"clock": clock, "identity": manifest.identity, "weights": loaded.weights}
    write_checkpoint(folder / BUNDLE_WEIGHTS, tensors, facts)
    write_json(folder / BUNDLE_MANIFEST, config)
    return Exported(folder, None, config)


def untrained_generator(config: Mapping[str, Any]) -> Network:
    """The generator of a bundle as its networks begin, by what its `config.json` says; its weights come after.

    Mistake for what is no manifest, and for a recipe of one's own, whose source is beside the bundle.
    """
    fault = "the configuration is none of a bundle's"
    require(config.get("format") == BUNDLE_FORMAT and isinstance(config.get("images"), int), fault)
    manifest = conform(config.get("run"), Manifest, fault)
    require(not manifest.source and not manifest.plugin, f"{manifest.name} is a recipe of its own, of which more is "
            "needed than its fields; `saddle.load` opens its bundle")  # fmt: skip
    recipe = parse_recipe(manifest.recipe, manifest_value_types(manifest, None))
    game, classes = recipe.game(manifest.shape).eval(), tuple(manifest.data["classes"])
    stages = plan_stages(recipe, manifest.shape, manifest.images)
    clock = game.clock = clock_at(stages, manifest.images, 0, config["images"])
    data = stages[clock.stage].data
    return take_network(LoadedGame(game, data, classes, torch.device("cpu"), batch_type=recipe.batch_type))


def check_bundle_place(folder: Path) -> None:
    """Raise Mistake where a bundle cannot be written, or something that is none lies already."""
    check_writable(folder)
    if not os.path.lexists(folder):
        return
    fault = f"{folder} is there already, and is no bundle of saddle's; name another place with --out"
    require(folder.is_dir() and not folder.is_symlink(), fault)
    if any(folder.iterdir()):
        config = folder / BUNDLE_MANIFEST
        facts = read_json(config, fault) if config.is_file() else {}
        require(isinstance(facts, dict) and facts.get("format") == BUNDLE_FORMAT, fault)


def public_manifest(manifest: Manifest) -> dict[str, Any]:
    """A manifest as JSON that may be passed on: of paths on this machine the last part alone, and no command."""
    facts = dataclasses.asdict(manifest)
    settings = {name: last_part(value) if name in PATHS else value for name, value in facts["settings"].items()}
    machine = {key: value for key, value in facts["machine"].items() if key != "command"}
    own = files.is_file_recipe(manifest.name)
    return facts | {"name": last_part(manifest.name) if own else manifest.name, "settings": settings,
                    "options": {name: last_part(value) for name, value in facts["options"].items()},
                    "machine": machine, "data": without_paths(facts["data"]),
                    "origin": without_paths(facts["origin"])}  # fmt: skip


def last_part(value: Any) -> Any:
    """The name of a file or folder, where a text is a path; anything else as it is."""
    return PurePath(value).name if isinstance(value, str) and is_path(value) else value


def is_path(text: str) -> bool:
    """Does a text lead somewhere on this machine?"""
    begins = text.startswith(("/", "~", "./", "../")) or "\\" in text
    return begins or ("/" in text and os.path.exists(text.partition(":")[0]))


def without_paths(value: Any) -> Any:
    """The same JSON, of each text that is a path the last part."""
    if isinstance(value, Mapping):
        return {key: without_paths(one) for key, one in value.items()}
    return [without_paths(one) for one in value] if isinstance(value, list) else last_part(value)
