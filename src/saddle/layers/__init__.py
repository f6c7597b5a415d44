"""Building blocks: layers, how weights begin, priors (where latents come from)."""

from .initial import gaussian, glorot, he, uniform
from .maxout import Maxout
from .priors import PRIORS, Normal, Uniform
from .residual import Residual, doubling, halving, plain

__all__ = [
    "PRIORS",
    "Maxout",
    "Normal",
    "Residual",
    "Uniform",
    "doubling",
    "gaussian",
    "glorot",
    "halving",
    "he",
    "plain",
    "uniform",
]
