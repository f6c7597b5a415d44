"""A game on a toy that is watched while it is played: points, and what the critic thinks of the whole plane."""

from __future__ import annotations

import time
from threading import Lock
from typing import NamedTuple

import torch
from torch import Tensor

from ..batches import Images
from ..core import Judge
from ..data import Prepare
from ..data.opening import toy_dataset
from ..data.toys import toy_modes
from ..games.adversarial import Adversarial
from ..metrics.modes import MixtureCoverage, count_mixture_modes
from ..training.match import Match, MatchOptions
from .modes import CPU_MACHINE
from .toy_methods import ToySettings

ROUNDS = 20_000  # at most
PLANE = 2.2  # the plane is watched from minus this to this, both ways
CHANCE = Lock()  # a round's chance is torch's own, and one for all threads


class Landscape(NamedTuple):
    """A critic's scores, and where they rise fastest: where a fake at that place is pulled to."""

    scores: Tensor  # (k, k), the first row is the lowest
    places: Tensor  # (n, 2)
    slopes: Tensor  # (n, 2)


class ToyGame:
    """A game on `ring`, `grid` or `swiss-roll` for one watcher; what it plays depends on settings and seed alone."""

    def __init__(self, settings: ToySettings, toy: str, seed: int = 0) -> None:
        recipe = settings.recipe()
        self.settings, self.toy = settings, toy
        with CHANCE, torch.random.fork_rng(devices=[]):
            images = ROUNDS * settings.turns * recipe.batch
            self.match = Match(recipe, toy_dataset(toy, Prepare()), images, CPU_MACHINE, MatchOptions(seed=seed))

    @property
    def rounds(self) -> int:
        return self.match.clock.round

    @property
    def over(self) -> bool:
        return self.match.over

    def play(self, rounds: int, seconds: float = float("inf")) -> int:
        """Play so many rounds, or fewer where the time is up or the game over; how many it were."""
        end, played = time.monotonic() + seconds, 0
        while played < rounds and not self.over and (time.monotonic() < end or not played):
            with CHANCE, torch.random.fork_rng(devices=[]):
                self.match.play()
            played += 1
        return played

    def points(self, n: int) -> Tensor:
        """Points (n, 2) of the generator, always from the same latents."""
        with CHANCE:
            return self.match.show(Images(torch.zeros(n, 2, 1, 1)))["made"].flatten(1)

    def coverage(self, n: int = 1000) -> MixtureCoverage | None:
        """What is caught of the toy's modes; None for the swiss roll, which has none."""
        return None if self.toy == "swiss-roll" else count_mixture_modes(self.points(n), *toy_modes(self.toy))

    def landscape(self, side: int = 41, arrows: int = 13) -> Landscape:
        """The critic on the plane, without noise; one of packs judges a place as a pack of equal points."""
        scores, _ = self.judge(plane_places(side))
        places = plane_places(arrows)
        return Landscape(scores.view(side, side), places, self.judge(places)[1])

    def judge(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Scores (n,) and their slopes (n, 2) at places (n, 2)."""
        game = self.match.game
        assert isinstance(game, Adversarial)
        pack = getattr(self.match.recipe, "networks", None)
        each = getattr(pack, "size", 1)
        at = places.clone().requires_grad_()
        seen = at.repeat_interleave(each, 0).view(-1, 2, 1, 1)
        game.critic.eval()
        score = Judge(game.critic, game.clock)(seen).score.flatten()
        (slope,) = torch.autograd.grad(score.sum(), at)
        game.critic.train()
        return score.detach(), slope

    def close(self) -> None:
        self.match.close()


def plane_places(side: int) -> Tensor:
    """Places (side * side, 2) of the plane that is watched, row by row from below."""
    ticks = torch.linspace(-PLANE, PLANE, side)
    y, x = torch.meshgrid(ticks, ticks, indexing="ij")
    return torch.stack((x.flatten(), y.flatten()), 1)
