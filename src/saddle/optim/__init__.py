"""Optimizers and schedules as values."""

from .optimizers import SGD, Adam, Orthogonal, RMSprop
from .schedules import Burst, Cosine, Exponential, Geometric, Linear, Over, PerStage, Polynomial, Ramp, Warmup

OPTIMIZERS: tuple[type, ...] = (Adam, RMSprop, SGD, Orthogonal)
SCHEDULES: tuple[type, ...] = (Linear, Cosine, Polynomial, Geometric, Over, PerStage, Warmup, Ramp, Exponential, Burst)

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "Adam",
    "Burst",
    "Cosine",
    "Exponential",
    "Geometric",
    "Linear",
    "Orthogonal",
    "Over",
    "PerStage",
    "Polynomial",
    "RMSprop",
    "Ramp",
    "Warmup",
]
