"""How odd pictures look to a game that has learned normal ones: anomaly scores, higher is stranger.

AnoGAN (1703.05921), EGBAD (1802.06222), f-AnoGAN (2019): `(1 - w) |x - G(E(x))| + w |phi(x) - phi(G(E(x)))|`, phi being
the critic's features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..capabilities import Compares, Encodes, Generates, Judges, Reconstructs, Scores, critic_verdicts, per_sample_score
from ..core import Game
from ..devices import wide
from ..errors import require
from ..latent.search import Search, descend
from ..latent.space import LatentSpace
from ..recipes.capable import ask, lacking
from .loaded import LoadedGame

Norm = Literal["l1", "l2", "mean-square"]
Term = Literal["reconstruction", "features", "latent", "critic", "cross-entropy"]
Form = Literal["standardised", "egbad", "f-anogan"]
MIN_SPREAD = 1e-12  # below it a term says nothing of normals, and is not divided by it


class FormDefaults(NamedTuple):
    """What a form has where nothing else is said."""

    norm: Norm
    weight: float


FORMS: dict[Form, FormDefaults] = {
    "standardised": FormDefaults("l1", 0.1),
    "egbad": FormDefaults("l1", 0.1),
    "f-anogan": FormDefaults("mean-square", 1.0),
}


@dataclass(frozen=True)
class AnomalyScore:
    """What makes a score: terms, what measures a difference, and how two terms become one number."""

    by: Literal["auto", "both", "reconstruction", "features", "latent", "critic", "cross-entropy", "search"] = "auto"
    norm: Norm | None = None  # sums of sizes, root of the sum of squares, or mean of squares; None: the form's own
    weight: float | None = None  # w, of the features beside 1 - w of the reconstruction; f-AnoGAN's kappa, beside 1
    form: Form = "standardised"  # of both terms: each in standard deviations of
    # held-out normals; or as these papers add them up, as they are
    steps: int = 500  # of the search for a code, where that is asked for

    def __post_init__(self) -> None:
        most = float("inf") if self.form == "f-anogan" else 1.0
        require(self.steps >= 1, f"steps is {self.steps}, but should be 1 or more")
        weight = self.chosen.weight
        require(0 <= weight <= most, f"weight is {weight}, but should be from 0 to {most:g}")

    @property
    def chosen(self) -> FormDefaults:
        """Norm and weight, the form's own where nothing else is said."""
        plain = FORMS[self.form]
        return FormDefaults(self.norm or plain.norm, plain.weight if self.weight is None else self.weight)

    @property
    def shares(self) -> tuple[float, float]:
        """What the reconstruction's term and the features' are weighted by."""
        weight = self.chosen.weight
        return (1.0 if self.form == "f-anogan" else 1 - weight), weight

    def terms(self, game: Game[Any]) -> tuple[Term, ...]:
        """What is worked out of each picture; Mistake where the game cannot."""
        kind, by = type(game), self.by
        judges = issubclass(kind, Compares | Judges)
        if by == "auto":
            by = "both" if issubclass(kind, Reconstructs) and judges else "reconstruction"
            by = "critic" if not issubclass(kind, Reconstructs) and issubclass(kind, Scores) else by
        own = {"critic": (Scores,), "latent": (Reconstructs, Encodes), "search": (Generates, Judges)}
        needed: tuple[type, ...] = own.get(by, (Reconstructs,))
        for protocol in needed:
            ask(game, protocol, {})
        if by in ("both", "features", "cross-entropy") and not judges:
            raise lacking(kind, Judges)
        return ("reconstruction", "features") if by == "both" or by == "search" else (by,)

    def combine(self, terms: Tensor, normal: Spread) -> Tensor:
        """One number of each row of terms, (n,) of (n, 1 or 2)."""
        if terms.shape[1] == 1:
            return terms[:, 0]
        rows = (terms - normal.mean) / normal.deviation if self.form == "standardised" else terms
        of_pixels, of_features = self.shares
        return of_pixels * rows[:, 0] + of_features * rows[:, 1]


class Spread(NamedTuple):
    """Mean and standard deviation of each term over normal pictures."""

    mean: Tensor  # (terms,) float64
    deviation: Tensor

    @staticmethod
    def of(terms: Tensor) -> Spread:
        """Of rows of terms (n, terms)."""
        deviation = terms.std(0, correction=0)
        return Spread(terms.mean(0), torch.where(deviation > MIN_SPREAD, deviation, torch.ones_like(deviation)))


def anomaly_terms(loaded: LoadedGame, images: Tensor, how: AnomalyScore = AnomalyScore(),
                  told: Tensor | None = None, seed: int = 0, place: int = 0) -> Tensor:  # fmt: skip
    """The terms of each image's score, (n, terms) float64: each image by itself, whatever stands beside it."""
    work = term_work(loaded, how, seed)
    return torch.cat(loaded.chunks(work, images, told, seed, loaded.shape[:3], place))


def term_work(loaded: LoadedGame, how: AnomalyScore, seed: int) -> Callable[[Tensor, Tensor | None], Tensor]:
    """What works the terms of a few images out."""
    game: Any = loaded.game
    terms, norm = how.terms(game), how.chosen.norm

    def again_of(x: Tensor, told: Tensor | None) -> Tensor:
        if how.by != "search":
            again: Tensor = game.reconstruct(x, told)
            return again
        return nearest_made(loaded, x, told, how, seed)

    def work(x: Tensor, told: Tensor | None) -> Tensor:
        found: dict[str, Tensor] = {}
        if terms == ("critic",):
            found["critic"] = -game.score(x, told)
        else:
            again = again_of(x, told)
            found["reconstruction"] = size_of(x - again, norm)
        if "latent" in terms:
            found["latent"] = size_of(game.encode(x, told) - game.encode(again, told), norm)
        if {"features", "cross-entropy"} & {*terms}:
            before, after = critic_verdicts(game, x, again, told, loaded.clock)
            found["features"] = size_of(before.features - after.features, norm)
            found["cross-entropy"] = per_sample_score(F.softplus(-after.score))  # sp(-D(G(E(x)), E(x)))
        for name in terms:
            require(len(found[name]) == len(x), "this run's critic judges packs of images, so it "
                    "says nothing of one alone; score --by reconstruction, if the game can")  # fmt: skip
        return torch.stack([found[name].cpu().double() for name in terms], 1)

    return work


def nearest_made(loaded: LoadedGame, x: Tensor, told: Tensor | None, how: AnomalyScore, seed: int) -> Tensor:
    """The samples whose pixels and critic's features gradient steps on a code bring nearest to each image: AnoGAN's.

    Every search of a seed begins at the same code, and each moves by itself: what is found hangs on the image alone.
    """
    (of_pixels, of_features), norm = how.shares, how.chosen.norm

    def wrong(made: Tensor, told: Tensor | None) -> Tensor:
        before, after = critic_verdicts(loaded.game, x, made, told, loaded.clock)
        return of_pixels * size_of(x - made, norm) + of_features * size_of(before.features - after.features, norm)

    space = LatentSpace(loaded)
    start = space.draw(1, seed)
    alone = Search(how.steps, restarts=1, candidates=1, typical=0)
    return descend(space, wrong, start.expand(len(x), *start.shape[1:]), told, alone).images


def size_of(difference: Tensor, norm: Norm) -> Tensor:
    """How large each row is, (n,)."""
    rows = wide(difference.flatten(1))
    if norm == "mean-square":
        return rows.square().mean(1)
    return rows.abs().sum(1) if norm == "l1" else rows.square().sum(1).sqrt()
