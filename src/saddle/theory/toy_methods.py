"""Methods on the toys with the same networks and steps each: they differ in the method and its settings alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..errors import did_you_mean, require
from ..games import Turns
from ..games.slots import Clip
from ..layers.priors import Uniform
from ..layers.views import Noise
from ..networks import Packed, Perceptron, Spectral
from ..objectives import LeastSquares, Minimax, Relativistic, Wasserstein
from ..optim import SGD, Adam
from ..penalties import R1, R2, GradientPenalty
from ..recipes.unrolled_gan import UnrolledGAN
from ..recipes.versus import Versus

NETWORKS = Perceptron(width=64, bias=0.6)


@dataclass(frozen=True)
class ToySettings:
    """What is chosen of a game on a toy."""

    method: str = "gan"
    rate: float = 5e-3  # learning rate of the generator
    pace: float = 1.0  # the critic's learning rate, over the generator's
    turns: int = 1  # moves of the critic in a round
    penalty: float = 0.1  # weight of the gradient penalty, where the method has one
    noise: float = 0.0  # deviation of the noise that the critic sees on every point

    def recipe(self) -> Versus:
        """The method as a recipe on these settings; its samples are the generator's own, not an average's."""
        require(self.method in TOY_METHODS, f"there is no method {self.method} of the toys"
                f"{did_you_mean(self.method, TOY_METHODS)}")  # fmt: skip
        common: dict[str, Any] = {
            "networks": NETWORKS, "prior": Uniform(3**0.5), "optimizer": Adam(self.rate, (0.0, 0.99)), "batch": 128,
            "turns": Turns(critic=self.turns), "average": None,
            "critic_optimizer": Adam(self.pace * self.rate, (0.0, 0.99)),
            "views": (Noise(self.noise),) if self.noise else (),
        }  # fmt: skip
        return TOY_METHODS[self.method](self, common)


def versus(**slots: Any) -> Callable[[ToySettings, dict[str, Any]], Versus]:
    """The common settings with these in their place; a function gets the weight of the penalty."""

    def build(settings: ToySettings, common: dict[str, Any]) -> Versus:
        own = {name: value(settings.penalty) if name == "penalties" else value for name, value in slots.items()}
        return Versus(**common | own)

    return build


def unrolled(settings: ToySettings, common: dict[str, Any]) -> Versus:
    return replace(UnrolledGAN(), **common, objective=Versus().objective, K=5, inner=SGD(0.1))


TOY_METHODS: dict[str, Callable[[ToySettings, dict[str, Any]], Versus]] = {
    "gan": versus(),
    "gan-minimax": versus(objective=Minimax()),
    "lsgan": versus(objective=LeastSquares()),
    "wgan": versus(objective=Wasserstein(), constraint=Clip(0.1)),
    "wgan-gp": versus(objective=Wasserstein(), penalties=lambda weight: (GradientPenalty(weight),)),
    "r1": versus(penalties=lambda weight: (R1(weight),)),
    "r3gan": versus(objective=Relativistic(), penalties=lambda weight: (R1(weight), R2(weight))),
    "sn-gan": versus(networks=Spectral(NETWORKS)),
    "pacgan": versus(networks=Packed(NETWORKS, size=2)),
    "unrolled-gan": unrolled,
}
PENALISED = ("wgan-gp", "r1", "r3gan")  # methods that ask for the weight of a penalty
