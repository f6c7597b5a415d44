"""A run's generator, ready to use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..core import Game, Mistake, Shape, require
from ..parts import Part, playing
from ..recipes.revive import revive
from ..runs.folder import Folder
from ..runs.manifest import Manifest
from ..training.average import resting
from ..training.checkpoint import latest, read
from ..training.engine import mix
from ..training.machine import find_device
from ..training.match import part

AT_ONCE = 64  # samples made in one pass


class Loaded:
    """A trained game. `sample` makes new images; `game` holds the networks themselves."""

    def __init__(self, game: Game[Any], shape: Shape, classes: tuple[str, ...], device: torch.device) -> None:
        self.game, self.shape, self.classes, self.device = game, shape, classes, device

    def sample(self, n: int = 64, seed: int = 0, label: int | str | None = None) -> Tensor:
        """New samples, (n, channels, height, width) float32 in [-1, 1], equal for equal seeds whatever n is.

        `label`, a class's name or number, is for generators that were trained on labels.
        """
        if n < 1:
            raise Mistake(f"{n} samples were asked for; ask for at least one")
        condition = None if label is None else self.number(label)
        if condition is not None and self.blind(seed):
            raise Mistake(f"a label was asked for ({label}), but this generator was not trained on labels")
        made = [self.block(seed, i, condition) for i in range(-(-n // AT_ONCE))]
        return torch.cat(made)[:n]

    def block(self, seed: int, index: int, label: int | None) -> Tensor:
        """A whole block is always made at once, so that a sample depends on the seed and its place alone."""
        dice = torch.Generator(self.device).manual_seed(mix(seed, index))
        like = torch.zeros(AT_ONCE, *self.shape[:3], device=self.device)
        labels = None if label is None else torch.full((AT_ONCE,), label, device=self.device)
        with resting(self.game), playing(Part(dice=dice)):
            return self.game.sample(like, labels).float().cpu()

    def blind(self, seed: int) -> bool:
        """Does the generator make the same of every label?"""
        blocks = [self.block(seed, 0, label) for label in range(min(self.shape.classes, 2))]
        return len(blocks) < 2 or torch.equal(*blocks)

    def number(self, label: int | str) -> int:
        if str(label) in self.classes:
            return self.classes.index(str(label))
        if str(label).isdigit() and int(label) < self.shape.classes:
            return int(label)
        known = f"there are {', '.join(self.classes)}" if self.classes else "this run's data had no labels"
        raise Mistake(f"there is no label {label!r}; {known}")


def load(path: str | Path, *, device: str = "auto", average: bool = True) -> Loaded:
    """The last checkpoint of a run, with the averaged weights if there are any (`average=False`: those of the match).

    Mistake for a folder that holds no run, a run without a checkpoint yet, and a damaged or foreign checkpoint.
    """
    folder = Folder.found(path)
    manifest = Manifest.read(folder)
    where = latest(folder.checkpoints)
    if where is None:
        raise Mistake(f"{path} has no checkpoint yet; `saddle resume {path}` trains it")
    shape = Shape(*manifest.data["shape"])
    game = revive(manifest.name, manifest.recipe, manifest.options).game(shape)
    tensors, facts = read(where)
    require(facts["identity"] == manifest.identity, f"{where} is a checkpoint of another run than {path}")
    weights = part(tensors, "game.")
    game.load_state_dict(weights | part(tensors, "average.") if average else weights)
    where_to = find_device(device)
    return Loaded(game.to(where_to), shape, tuple(manifest.data["classes"]), where_to)
