"""A run's generator, ready to use."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..core import Clock, Game, Mistake, Shape, require
from ..parts import Part, playing
from ..recipes.revive import revive
from ..runs.folder import Folder
from ..runs.manifest import Manifest
from ..training.average import resting
from ..training.checkpoint import best_path, latest, read
from ..training.engine import mix
from ..training.machine import find_device
from ..training.match import part

Label = int | str  # a class by its number, from 0, or its name
AT_ONCE = 64  # samples made in one pass


class Loaded:
    """A trained game. `sample` makes new images; `game` holds the networks themselves, as they were at `clock`."""

    def __init__(self, game: Game[Any], shape: Shape, classes: tuple[str, ...], device: torch.device,
                 counts: Sequence[int] = (), clock: Clock = Clock(), averaged: bool = False) -> None:  # fmt: skip
        self.game, self.shape, self.classes, self.device = game, shape, classes, device
        self.clock, self.averaged = clock, averaged  # averaged: do the networks wear their averaged weights?
        self.shares = torch.tensor(counts or [1] * shape.classes, dtype=torch.float64)  # of each class in the data

    def sample(self, n: int = 64, seed: int = 0, label: Label | Sequence[Label] | None = None) -> Tensor:
        """New samples, (n, channels, height, width) float32 in [-1, 1], equal for equal seeds whatever n is.

        `label`, a class's name or number, is for generators that were trained on labels: one for all, or one for each.
        Without it labels are drawn, each as often as it is in the data; equally often for a run whose manifest does
        not say how often that is, as those of the first versions.
        """
        if n < 1:
            raise Mistake(f"{n} samples were asked for; ask for at least one")
        blocks = range(-(-n // AT_ONCE))
        if label is None:
            return torch.cat([self.block(seed, i, self.drawn(seed, i)) for i in blocks])[:n]
        labels = self.numbers(label, n)
        if not self.conditional:
            raise Mistake(f"a label was asked for ({label}), but this generator was not trained on labels")
        labels = torch.cat([labels, labels.new_zeros(-n % AT_ONCE)])
        return torch.cat([self.block(seed, i, labels[i * AT_ONCE :][:AT_ONCE]) for i in blocks])[:n]

    def block(self, seed: int, index: int, labels: Tensor | None) -> Tensor:
        """A whole block is always made at once, so that a sample depends on the seed, its place and its label alone."""
        dice = torch.Generator(self.device).manual_seed(mix(seed, index))
        like = torch.zeros(AT_ONCE, *self.shape[:3], device=self.device)
        with resting(self.game), playing(Part(dice=dice)):
            return self.game.sample(like, None if labels is None else labels.to(self.device)).float().cpu()

    def drawn(self, seed: int, index: int) -> Tensor | None:
        """The labels of a block that nobody has chosen, by chance of their own; None where the data had none."""
        if not self.shape.classes:
            return None
        dice = torch.Generator().manual_seed(mix(seed, index, 0))
        return torch.multinomial(self.shares, AT_ONCE, replacement=True, generator=dice)

    @cached_property
    def conditional(self) -> bool:
        """Does the generator make something else of another label?"""
        few = range(min(self.shape.classes, 2))
        blocks = [self.block(0, 0, torch.full((AT_ONCE,), label)) for label in few]
        return len(blocks) == 1 or (len(blocks) == 2 and not torch.equal(*blocks))

    def numbers(self, label: Label | Sequence[Label], n: int) -> Tensor:
        """Labels as (n,) int64."""
        if isinstance(label, int | str):
            return torch.full((n,), self.number(label))
        require(len(label) == n, f"{len(label)} labels were given for {n} samples; give one for all, or one for each")
        return torch.tensor([self.number(one) for one in label])

    def number(self, label: Label) -> int:
        """A class's number; as text, a name goes before a number, for classes may be called 3 and 7."""
        if isinstance(label, str) and label in self.classes:
            return self.classes.index(label)
        if str(label).isdecimal() and int(label) < self.shape.classes:
            return int(label)
        known = f"there are {', '.join(self.classes)}" if self.classes else "this run's data had no labels"
        raise Mistake(f"there is no label {label!r}; {known}")


def by_class(classes: int) -> list[int]:
    """Labels in order for a square contact sheet: rows of one class, or in each row the same number of classes.

    From 8 to 14 samples a side, where some number does that; else 64 labels, spread evenly.
    """
    side = next((side for side in range(8, 15) if even(side, classes)), 8)
    return [i * classes // side**2 for i in range(side**2)]


def even(side: int, classes: int) -> bool:
    """Do as many classes share the places of a square that each has whole rows, or each row whole classes?"""
    each, left = divmod(side**2, classes)
    return left == 0 and (each % side == 0 or side % each == 0)


def load(path: str | Path, *, device: str = "auto", average: bool = True, best: bool = False) -> Loaded:
    """The last checkpoint of a run, with the averaged weights if there are any (`average=False`: those of the match).

    `best` takes the checkpoint that was measured best instead. Mistake for a folder that holds no run, a run without a
    checkpoint yet, one without a best, and a damaged or foreign checkpoint.
    """
    folder = Folder.found(path)
    manifest = Manifest.read(folder)
    where = best_path(folder.checkpoints) if best else latest(folder.checkpoints)
    measured = not best or best_path(folder.checkpoints).exists()
    require(measured, f"{path} has no best checkpoint: it was not measured as it was trained (--measure fid)")
    if where is None:
        raise Mistake(f"{path} has no checkpoint yet; `saddle resume {path}` trains it")
    shape = Shape(*manifest.data["shape"])
    game = revive(manifest.name, manifest.recipe, manifest.options).game(shape)
    tensors, facts = read(where)
    require(facts["identity"] == manifest.identity, f"{where} is a checkpoint of another run than {path}")
    averages = part(tensors, "average.") if average else {}
    game.load_state_dict(part(tensors, "game.") | averages)
    where_to = find_device(device)
    classes, counts = tuple(manifest.data["classes"]), manifest.data.get("counts", ())
    return Loaded(game.to(where_to), shape, classes, where_to, counts, Clock(**facts["clock"]), bool(averages))
