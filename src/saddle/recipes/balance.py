"""Balance by hand: a critic made weak, or made to wait, as lectures advise; so that it can be compared."""

from __future__ import annotations

from dataclasses import dataclass

from ..games import AccuracyGate, Adversarial, EquilibriumGate, Gated
from ..networks import Convolutional, Dropped, Pair
from ..recipe import Networks, Paper
from ..shape import Shape
from .versus import Versus


@dataclass(frozen=True)
class WeakCritic(Versus):
    """A critic of a quarter of the width with half of its units dropped. Goodfellow's tutorial advises against it."""

    paper = Paper("Goodfellow", 2016, arxiv="1701.00160")

    networks: Networks = Pair(Convolutional(), Dropped(Convolutional(width=16), (0.5,)))  # generator, critic


@dataclass(frozen=True)
class AccuracyGated(Versus):
    """The critic stops learning from a class, real or fake, as soon as it is right about half of it: a talk's rule.

    Then it is not near the optimum, and its gradient is of no divergence. With --gate none it never stops.
    """

    paper = Paper("a talk's rule; its nearest kin is Larsen et al.'s", 2015, arxiv="1512.09300")

    networks: Networks = Convolutional(latent=100, width=64)  # generator and critic
    gate: AccuracyGate | EquilibriumGate | None = AccuracyGate(threshold=0.5, hysteresis=0.0)  # who may learn, and when

    def game(self, data: Shape) -> Adversarial:
        return self.play(Gated, data, gate=self.gate) if self.gate else super().game(data)  # without one, all may


# Larsen et al. 2015: each player waits while its loss is far on the good side of an equilibrium.
equilibrium = AccuracyGated(gate=EquilibriumGate(level=0.68, margin=0.35))
