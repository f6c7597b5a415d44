"""A run's generator, ready to use."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Sequence, Sized
from functools import cached_property
from pathlib import Path
from typing import Any, SupportsIndex, cast

import torch
from torch import Tensor

from ..blame import blame_user_code
from ..clock import Clock
from ..core import Game
from ..errors import Mistake, quote_for_shell, require
from ..out_of_memory import catch_out_of_memory, check_capacity
from ..parts import Shard, use_shard
from ..recipes.revive import recipe_from_manifest, trust_run
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from ..shape import Shape
from ..training.checkpoint import best_checkpoint_path, check_state_fits, latest_checkpoint, read_checkpoint
from ..training.ema import load_averaged_weights
from ..training.engine import derive_seed
from ..training.machine import find_device
from ..training.match import strip_prefix
from ..training.rows import MAX_ROWS, rows_at_once
from ..training.signals import check_abandoned
from .chance import RowsDraw

Label = SupportsIndex | str  # a class by its name; by its place, from 0, where names are not numbers themselves
MAX_NAMED_CLASSES = 20  # classes that a refusal names


class LoadedGame:
    """A trained game. `sample` makes new images; `game` holds the networks themselves, as they were at `clock`.

    The game is in evaluation mode and stays so, so that threads may share it; it makes no gradients.
    """

    def __init__(self, game: Game[Any], shape: Shape, classes: tuple[str, ...], device: torch.device,
                 counts: Sequence[int] = (), clock: Clock = Clock(), averaged: bool = False,
                 batch: int = MAX_ROWS) -> None:  # fmt: skip
        self.game, self.shape, self.classes, self.device = game, shape, classes, device
        self.clock, self.averaged = clock, averaged  # averaged: do the networks wear their averaged weights?
        self.shares = torch.tensor(counts or [1] * shape.classes, dtype=torch.float64)  # of each class in the data
        self.rows = rows_at_once(shape, device, batch)

    def sample(self, n: int = 64, seed: int = 0, label: Label | Sequence[Label] | None = None) -> Tensor:
        """New samples, (n, channels, height, width) float32 in [-1, 1], equal for equal seeds.

        A sample is a function of the weights, the seed, its place and its label alone, whatever n is, also where the
        generator draws noise of its own or keeps dropout; n samples cost n. How many are made at once may change the
        last bits: equal to the bit is what is made in equal calls.
        `label` is for generators that were trained on labels: one for all, or one for each. It is a class's name. A
        number, of Python, numpy or torch, is a name too where all classes are named by numbers, as digits are; among
        other names it is a place in `classes`, counted from 0. Without it labels are drawn, each as often as it is in
        the data; equally often for a run whose manifest does not say how often that is, as those of the first versions.
        """
        parts = self.sample_chunks(n, seed, label)
        check_capacity(n, 4 * self.shape.channels * self.shape.height * self.shape.width, "samples", "n =")
        samples = torch.empty(n, *self.shape[:3])
        for place, some in zip(range(0, n, self.rows), parts, strict=True):
            samples[place:][: self.rows] = some
        return samples

    def sample_chunks(self, n: int, seed: int = 0, label: Label | Sequence[Label] | None = None) -> Iterator[Tensor]:
        """The samples of `sample`, a few at a time as they are made: as many as fit into little memory."""
        if n < 1:
            raise Mistake(f"{n} samples were asked for; ask for at least one")
        labels = None if label is None else self.label_indices(label, n)
        if labels is not None and not self.is_conditional:
            raise Mistake(f"a label was asked for ({label}), but this generator was not trained on labels")
        return (self.sample_chunk(seed, place, min(self.rows, n - place), None if labels is None else labels[place:])
                for place in range(0, n, self.rows))  # fmt: skip

    @catch_out_of_memory()
    def sample_chunk(self, seed: int, place: int, n: int, labels: Tensor | None = None) -> Tensor:
        """The n samples from `place` on, labelled by the first of `labels`, all of one block of 64.

        Their latents are drawn with those of the whole block, whatever part of it is made, and threads share nothing.
        """
        check_abandoned()
        index, inside = divmod(place, MAX_ROWS)
        if labels is None:
            drawn = self.draw_labels(seed, index)
            labels = None if drawn is None else drawn[inside:]
        dice = torch.Generator(self.device).manual_seed(derive_seed(seed, index))
        like, labels = torch.zeros(n, *self.shape[:3], device=self.device), None if labels is None else labels[:n]
        own = RowsDraw(self.device, seed, place, n)
        with torch.no_grad(), use_shard(Shard(rng=dice, first=inside, of=MAX_ROWS)), own:
            return self.game.sample(like, None if labels is None else labels.to(self.device)).float().cpu()

    def draw_labels(self, seed: int, index: int) -> Tensor | None:
        """The labels of a block that nobody has chosen, by chance of their own; None where the data had none."""
        if not self.shape.classes:
            return None
        dice = torch.Generator().manual_seed(derive_seed(seed, index, 0))
        return torch.multinomial(self.shares, MAX_ROWS, replacement=True, generator=dice)

    @cached_property
    def is_conditional(self) -> bool:
        """Does the generator make something else of another label?"""
        few = range(min(self.shape.classes, 2))
        made = [self.sample_chunk(0, 0, self.rows, torch.full((self.rows,), label)) for label in few]
        return len(made) == 1 or (len(made) == 2 and not torch.equal(*made))

    def labels_in_order(self) -> list[str]:
        """A label for each place of a square contact sheet, class after class."""
        return [self.classes[place] for place in labels_by_class(self.shape.classes)]

    def label_indices(self, label: Label | Sequence[Label], n: int) -> Tensor:
        """The places of labels in `classes`, (n,) int64."""
        if isinstance(label, str) or not isinstance(label, Sized) or getattr(label, "shape", None) == ():
            return torch.tensor(self.label_index(cast(Label, label))).expand(n)
        require(len(label) == n, f"{len(label)} labels were given for {n} samples; give one for all, or one for each")
        return torch.tensor([self.label_index(one) for one in label])

    def label_index(self, label: Label) -> int:
        """A class's place; as text, a name goes before a number, for some classes may be called 3 and 7."""
        if isinstance(label, str) and label in self.classes:
            return self.classes.index(label)
        number = parse_class_index(label)
        digits = {
            value: place for place, name in enumerate(self.classes) if (value := parse_class_index(name)) is not None
        }
        places = digits if len(digits) == self.shape.classes else range(self.shape.classes)
        if number is not None and number in places:
            return places[number]
        rest = len(self.classes) - MAX_NAMED_CLASSES
        more = f" and {rest:,} more" if rest > 0 else ""
        known = (
            f"there are {', '.join(self.classes[:MAX_NAMED_CLASSES])}{more}"
            if self.classes
            else "this run's data had no labels"
        )
        asked = repr(label) if isinstance(label, str) or number is None else number
        raise Mistake(f"there is no label {asked}; {known}")


def parse_class_index(label: object) -> int | None:
    """A whole number, however it is given: as an int of any library, or in decimal digits."""
    if isinstance(label, str):
        return int(label) if re.fullmatch("-?[0-9]{1,18}", label) else None
    try:
        return None if isinstance(label, bool) else operator.index(cast(SupportsIndex, label))
    except TypeError:
        return None


def labels_by_class(classes: int) -> list[int]:
    """Labels in order for a square contact sheet: rows of one class, or in each row the same number of classes.

    From 8 to 14 samples a side, where some number does that; else 64 labels, spread evenly.
    """
    side = next((side for side in range(8, 15) if is_even_split(side, classes)), 8)
    return [i * classes // side**2 for i in range(side**2)]


def is_even_split(side: int, classes: int) -> bool:
    """Do as many classes share the places of a square that each has whole rows, or each row whole classes?"""
    each, left = divmod(side**2, classes)
    return left == 0 and (each % side == 0 or side % each == 0)


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
        game = recipe.game(shape)
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
    return LoadedGame(game.to(where_to), shape, classes, where_to, counts, Clock(**facts["clock"]), bool(averages),
                  max(1, recipe.batch // manifest.settings.accumulate))  # fmt: skip
