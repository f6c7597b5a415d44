"""Optimizers and schedules as values."""

from .optimizers import SGD, Adam, Clipped, Lazy, Orthogonal, RMSprop, Scaled
from .schedules import Burst, Cosine, Exponential, Geometric, Linear, Over, PerStage, Polynomial, Ramp, Warmup

OPTIMIZERS: tuple[type, ...] = (Adam, RMSprop, SGD, Orthogonal, Clipped, Lazy, Scaled)
SCHEDULES: tuple[type, ...] = (Linear, Cosine, Polynomial, Geometric, Over, PerStage, Warmup, Ramp, Exponential, Burst)

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "Adam",
    "Burst",
    "Clipped",
    "Cosine",
    "Exponential",
    "Geometric",
    "Lazy",
    "Linear",
    "Orthogonal",
    "Over",
    "PerStage",
    "Polynomial",
    "RMSprop",
    "Ramp",
    "Scaled",
    "Warmup",
]
