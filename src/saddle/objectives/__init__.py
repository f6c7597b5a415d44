"""Losses as functions of scores, where higher means more real; and of images made again, as likelihoods."""

from .around import CriticAlone, Flipped, Relativistic
from .divergences import FDivergence
from .likelihoods import LIKELIHOODS, Bernoulli, Gaussian, LearnedGaussian, SquaredError
from .logistic import Minimax, NonSaturating
from .margins import Energy, Hinge
from .squares import PEARSON, LeastSquares
from .wasserstein import Wasserstein

OBJECTIVES: tuple[type, ...] = (
    Minimax, NonSaturating, LeastSquares, Hinge, Wasserstein, FDivergence, Energy, Relativistic, Flipped,
    CriticAlone,
)  # fmt: skip

__all__ = [
    "LIKELIHOODS",
    "OBJECTIVES",
    "PEARSON",
    "Bernoulli",
    "CriticAlone",
    "Energy",
    "FDivergence",
    "Flipped",
    "Gaussian",
    "Hinge",
    "LearnedGaussian",
    "LeastSquares",
    "Minimax",
    "NonSaturating",
    "Relativistic",
    "SquaredError",
    "Wasserstein",
]
