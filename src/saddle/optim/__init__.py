"""Optimizers and schedules as values."""

from .optimizers import SGD, Adam, Orthogonal, RMSprop
from .schedules import Burst, Cosine, Exponential, Geometric, Linear, Over, PerStage, Ramp, Warmup

OPTIMIZERS: tuple[type, ...] = (Adam, RMSprop, SGD, Orthogonal)
SCHEDULES: tuple[type, ...] = (Linear, Cosine, Geometric, Over, PerStage, Warmup, Ramp, Exponential, Burst)

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
    "RMSprop",
    "Ramp",
    "Warmup",
]
