"""Losses as functions of scores. A score is unbounded, and higher means more real."""

from .logistic import Minimax, NonSaturating
from .wasserstein import Wasserstein

OBJECTIVES: tuple[type, ...] = (Minimax, NonSaturating, Wasserstein)

__all__ = ["OBJECTIVES", "Minimax", "NonSaturating", "Wasserstein"]
