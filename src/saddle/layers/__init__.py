"""Building blocks: layers, how weights begin, priors (where latents come from), views (what a critic sees)."""

from .attention import SelfAttention
from .augment import ADA, Augment, DiffAugment
from .initial import gaussian, glorot, he, uniform
from .maxout import Maxout
from .minibatch import MinibatchDiscrimination
from .priors import PRIORS, Normal, Uniform
from .resampling import Downsample, Total, Upsample
from .residual import Residual, doubling, halving, plain
from .spectral import SpectralNorm, normalised, spectral
from .views import VIEWS, Noise

__all__ = [
    "ADA",
    "PRIORS",
    "VIEWS",
    "Augment",
    "DiffAugment",
    "Downsample",
    "Maxout",
    "MinibatchDiscrimination",
    "Noise",
    "Normal",
    "Residual",
    "SelfAttention",
    "SpectralNorm",
    "Total",
    "Uniform",
    "Upsample",
    "doubling",
    "gaussian",
    "glorot",
    "halving",
    "he",
    "normalised",
    "plain",
    "spectral",
    "uniform",
]
