"""Matched pairs as frozen values: what makes samples, and what judges them."""

from .convolutional import AllConvolutional28, Convolutional
from .convolutional5 import Convolutional5
from .dense import Dense, Perceptron
from .residual import Residual32

NETWORKS: tuple[type, ...] = (Dense, Perceptron, Convolutional, AllConvolutional28, Convolutional5, Residual32)

__all__ = [
    "NETWORKS",
    "AllConvolutional28",
    "Convolutional",
    "Convolutional5",
    "Dense",
    "Perceptron",
    "Residual32",
]
