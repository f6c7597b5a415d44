"""Objectives made of objectives: scores compared with each other, and labels told wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ..core import Objective
from ..errors import require
from ..fitting import FilledGame
from ..parts import all_reduce_mean
from .logistic import NonSaturating
from .margins import Energy


@dataclass(frozen=True)
class Relativistic:
    """Scores are compared, not judged alone: a real's less a fake's, a fake's less a real's. Jolicoeur-Martineau 2018.

    Both players have the base's critic loss, halved, the generator with real and fake exchanged; a generator's loss of
    the base's own is not asked for. NonSaturating() gives RSGAN, and averaged RaSGAN with the authors' code's half; so
    does LeastSquares(-1, 1, scale=1) RaLSGAN, and scale=2 gives the paper's sum of two squares.
    A base that compares already is refused, and one whose loss has no least value on differences.
    """

    base: Objective = NonSaturating()  # what becomes of the differences
    average: bool = False  # against the other side's mean (of all processes, of one accumulated part), else its partner
    paired: ClassVar[bool] = True

    @property
    def mixes(self) -> bool:
        """Does a sample's loss hang on others of the batch?"""
        return self.average

    def __post_init__(self) -> None:
        check_comparable(self.base)

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        other_fake, other_real = (all_reduce_mean(t.mean()) if self.average else t for t in (fake, real))
        return self.base.critic(real - other_fake, fake - other_real) / 2

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.critic(fake, real)


@dataclass(frozen=True)
class Flipped:
    """The critic is told the opposite of the truth at this rate; the generator's loss is the base's own.

    It is the exact expectation over flips of each label by itself, without random numbers. With NonSaturating it
    bounds the best logit by log((1 - rate) / rate). It does not make a game converge that does not by itself.
    """

    base: Objective = NonSaturating()  # what is played but for the flips
    rate: float = 0.05  # how many labels are wrong, below one half; the penalty Swapped takes a schedule

    def __post_init__(self) -> None:
        require(0 <= self.rate < 0.5, f"Flipped's rate is {self.rate}, but should be in [0, 0.5): half tells nothing")

    @property
    def paired(self) -> bool:
        return self.base.paired

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        return (1 - self.rate) * self.base.critic(real, fake) + self.rate * self.base.critic(fake, real)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.base.generator(real, fake)


@dataclass(frozen=True)
class CriticAlone:
    """The critic's loss is the base's; the generator hears nothing of scores and learns by its penalties alone."""

    base: Objective = NonSaturating()  # what the critic plays
    paired: ClassVar[bool] = False

    def fits(self, game: FilledGame) -> None:
        """Refuse a generator that would learn from nothing."""
        heard = bool(game.generator_penalties)
        require(heard, "CriticAlone tells the generator nothing; give --generator-penalties FeatureMatching()")

    def critic(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.base.critic(real, fake)

    def generator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0 * fake.mean()


def innermost_objective(objective: Objective) -> Objective:
    """What an objective made of objectives is made of in the end; any other one itself."""
    while base := getattr(objective, "base", None):
        objective = base
    return objective


def is_critic_alone(objective: Objective) -> bool:
    """Does the generator hear nothing of scores under it, whatever else it is made of?"""
    base = getattr(objective, "base", None)
    return isinstance(objective, CriticAlone) or (base is not None and is_critic_alone(base))


def check_comparable(base: Objective) -> None:
    """Refuse a base that loses its meaning when scores become differences."""
    core = innermost_objective(base)
    plain = NonSaturating() if isinstance(core, Relativistic | Energy) else core
    right = f"Relativistic({plain if plain != NonSaturating() else ''})"
    require(not base.paired, f"{base} compares scores already; give {right}")
    energies = isinstance(core, Energy)
    require(not energies, "Relativistic cannot compare energies: the critic's loss would have no least value; give "
            "Relativistic(Hinge())")  # fmt: skip
    require(not is_critic_alone(base),
            "Relativistic lets the generator play the critic's loss, which CriticAlone forbids; give "
            f"CriticAlone({right})")  # fmt: skip
