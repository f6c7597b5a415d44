"""Losses as functions of scores. A score is unbounded, and higher means more real."""

from .around import CriticAlone, Flipped, Relativistic
from .divergences import FDivergence
from .logistic import Minimax, NonSaturating
from .margins import Energy, Hinge
from .squares import PEARSON, LeastSquares
from .wasserstein import Wasserstein

OBJECTIVES: tuple[type, ...] = (
    Minimax, NonSaturating, LeastSquares, Hinge, Wasserstein, FDivergence, Energy, Relativistic, Flipped,
    CriticAlone,
)  # fmt: skip

__all__ = [
    "OBJECTIVES",
    "PEARSON",
    "CriticAlone",
    "Energy",
    "FDivergence",
    "Flipped",
    "Hinge",
    "LeastSquares",
    "Minimax",
    "NonSaturating",
    "Relativistic",
    "Wasserstein",
]
