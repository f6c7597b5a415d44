"""Matched pairs as frozen values: what makes samples, and what judges them."""

from .attentive import AttentiveResidual32
from .autoencoding import Autoencoding, DenseAutoencoding
from .classifying import Classifying, ClassifyingConvolutional, ClassifyingResidual32
from .composed import Dropped, MinibatchDiscriminating, Packed, Pair
from .conditional import Concatenated
from .conditional_dense import ConditionalDense
from .convolutional import AllConvolutional28, Convolutional
from .convolutional5 import Convolutional5
from .damped import DampedResidual
from .dense import Dense, Perceptron
from .grouped import GroupedResidual
from .opposed import Opposed
from .projection import Projected, ProjectedResidual32
from .residual import Residual32
from .spectral import Spectral, SpectralConvolutional, SpectralResidual32
from .toys import MaxoutPerceptron, OrthogonalPerceptron

ALONE = (Dense, Perceptron, MaxoutPerceptron, OrthogonalPerceptron, Convolutional, AllConvolutional28, Convolutional5,
         Residual32, SpectralConvolutional, SpectralResidual32, AttentiveResidual32, DampedResidual, GroupedResidual,
         DenseAutoencoding, Autoencoding)  # fmt: skip
TOLD = (ConditionalDense, ClassifyingConvolutional, ClassifyingResidual32, ProjectedResidual32)
COMPOSED = (Spectral, Packed, Dropped, MinibatchDiscriminating, Pair, Opposed, Concatenated, Projected, Classifying)
NETWORKS: tuple[type, ...] = (*ALONE, *TOLD, *COMPOSED)

__all__ = [
    "NETWORKS",
    "AllConvolutional28",
    "AttentiveResidual32",
    "Autoencoding",
    "Classifying",
    "ClassifyingConvolutional",
    "ClassifyingResidual32",
    "Concatenated",
    "ConditionalDense",
    "Convolutional",
    "Convolutional5",
    "DampedResidual",
    "Dense",
    "DenseAutoencoding",
    "Dropped",
    "GroupedResidual",
    "MaxoutPerceptron",
    "MinibatchDiscriminating",
    "Opposed",
    "OrthogonalPerceptron",
    "Packed",
    "Pair",
    "Perceptron",
    "Projected",
    "ProjectedResidual32",
    "Residual32",
    "Spectral",
    "SpectralConvolutional",
    "SpectralResidual32",
]
