"""The latents of a trained generator: what its samples are made of, where such lie, and what becomes of any."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from ..capabilities import Scores
from ..errors import Mistake, require
from ..inference.chance import SharedDraws
from ..inference.labels import Label, check_takes_labels
from ..inference.loaded import LoadedGame
from ..inference.networks import draw_latents
from ..shape import Classes
from ..training.rows import MAX_ROWS

TYPICAL_DRAWS, TYPICAL_SEED = 1024, 0  # latents by which it is known where latents lie
BOUNDED = 2.5  # standard deviations: 1,024 normal numbers go beyond them, uniform ones never


class Typical(NamedTuple):
    """Where latents lie, as 1,024 draws tell it, whatever they are drawn from."""

    low: Tensor  # (...), the least that each number was
    high: Tensor
    mean: Tensor  # of the squared norm
    spread: Tensor  # its standard deviation
    deviation: float  # the standard deviation of a number

    @property
    def bounded(self) -> bool:
        """Do numbers never go far, as uniform ones do not?"""
        return float(torch.maximum(self.high, -self.low).amax()) < BOUNDED * self.deviation


class LatentSpace:
    """Latents (n, ...) of a loaded game, with a label for each row where it makes samples of classes.

    Mistake for a game that makes no samples out of chance, one of points, and a label that there is not.
    """

    def __init__(self, loaded: LoadedGame, label: Label | None = None) -> None:
        self.loaded, self.game, self.device = loaded, loaded.maker, loaded.device
        made_for = loaded.shape.condition
        if not isinstance(made_for, Classes | None):
            raise Mistake(f"this run makes its samples for {made_for}, but latents are searched of runs that make "
                          "them out of chance, or for a label, as saddle train dcgan does")  # fmt: skip
        other = "but latents are looked at and searched by images; give a run that makes some, as saddle train vae does"
        require(not loaded.shape.points, f"this run makes points, {other}")
        require(loaded.shape.text is None, f"this run writes lines of text, {other}")
        if label is not None:
            check_takes_labels(label, loaded.is_conditional)
        self.label = label

    def draw(self, n: int, seed: int) -> Tensor:
        """Latents as the first n samples of this seed are made of them: `saddle sample --seed`."""
        return draw_latents(self.game, self.loaded.shape, self.device, n, seed)

    def labels(self, n: int, seed: int) -> Tensor | None:
        """What the first n samples of this seed are told, (n,): the label asked for, else random ones, or nothing."""
        loaded = self.loaded
        if self.label is not None:
            told = loaded.conditions(self.label, None, n)
        elif loaded.shape.classes:
            told = torch.cat(
                [some for i in range(-(-n // MAX_ROWS)) if (some := loaded.draw_labels(seed, i)) is not None]
            )
        else:
            return None
        assert told is not None, "there are classes"
        return told[:n].to(self.device)

    def make(self, latents: Tensor, told: Tensor | None = None, seed: int = 0) -> Tensor:
        """The images (n, channels, height, width) of latents, with a graph where these have one.

        What the game draws for itself, such as noise, is the same for all: what differs between images is the latents.
        """
        with SharedDraws(self.device, seed, 0, len(latents)):
            return self.game.make(latents, told).float()

    @torch.no_grad()
    def make_all(self, latents: Tensor, told: Tensor | None = None, seed: int = 0) -> Tensor:
        """The same for any number of latents, a few at a time, without a graph."""
        rows = self.loaded.rows
        parts = [self.make(some, None if told is None else told[i * rows :][: len(some)], seed)
                 for i, some in enumerate(torch.split(latents, rows))]  # fmt: skip
        return torch.cat(parts)

    @cached_property
    def scored_alone(self) -> bool:
        """Does the critic, if there is one, score each image by itself, and no packs of several?"""
        try:
            one, told = torch.zeros(1, *self.loaded.shape[:3], device=self.device), self.labels(1, 0)
            with torch.no_grad():
                return isinstance(self.game, Scores) and len(self.game.score(one, told)) == 1
        except Mistake:
            return False

    @cached_property
    def typical(self) -> Typical:
        drawn = self.draw(TYPICAL_DRAWS, TYPICAL_SEED)
        norms = squared_norm(drawn)
        return Typical(drawn.amin(0), drawn.amax(0), norms.mean(), norms.std().clamp_min(1e-3 * float(norms.mean())),
                       float(drawn.std()))  # fmt: skip

    @property
    def straight(self) -> bool:
        """Do ways between latents go straight, not along the sphere that normal ones lie on?"""
        return self.typical.bounded

    def confine(self, latents: Tensor) -> Tensor:
        """The nearest latents within the box that draws span: nothing changes for normal ones, which go anywhere."""
        return torch.clamp(latents, self.typical.low, self.typical.high) if self.typical.bounded else latents

    def surprise(self, latents: Tensor) -> Tensor:
        """How untypical their norms are, (n,): half the square of (|z|^2 - E|z|^2) / sd(|z|^2)."""
        return ((squared_norm(latents) - self.typical.mean) / self.typical.spread).square() / 2


def squared_norm(latents: Tensor) -> Tensor:
    return latents.flatten(1).square().sum(1)
