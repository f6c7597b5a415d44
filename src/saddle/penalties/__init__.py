"""Further terms of a loss. Each is a value, unweighted; each sees the same three things: (judge, real, fake)."""

from .slopes import GradientPenalty

PENALTIES: tuple[type, ...] = (GradientPenalty,)

__all__ = ["PENALTIES", "GradientPenalty"]
