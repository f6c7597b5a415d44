"""Matched pairs as frozen values: what makes samples, and what judges them."""

from .ac_gan import Classifying, ClassifyingConvolutional, ClassifyingResidual32
from .attentive import AttentiveResidual32
from .cgan import Concatenated
from .cgan_mlp import ConditionalDense
from .dcgan import AllConvolutional28, Convolutional
from .ebgan import Autoencoding, DenseAutoencoding
from .gan_stability import DampedResidual
from .mlp import Dense, Perceptron
from .mlp_toys import MaxoutPerceptron, OrthogonalPerceptron
from .projection_gan import Projected, ProjectedResidual32
from .r3gan import GroupedResidual
from .resnet import Residual32
from .sn_gan import Spectral, SpectralConvolutional, SpectralResidual32
from .t_gan import Opposed
from .wgan_gp import Convolutional5
from .wrappers import Dropped, MinibatchDiscriminating, Packed, Pair

UNCONDITIONAL_NETWORKS = (Dense, Perceptron, MaxoutPerceptron, OrthogonalPerceptron, Convolutional, AllConvolutional28,
                          Convolutional5,
         Residual32, SpectralConvolutional, SpectralResidual32, AttentiveResidual32, DampedResidual, GroupedResidual,
         DenseAutoencoding, Autoencoding)  # fmt: skip
CONDITIONAL_NETWORKS = (ConditionalDense, ClassifyingConvolutional, ClassifyingResidual32, ProjectedResidual32)
COMPOSED_NETWORKS = (
    Spectral,
    Packed,
    Dropped,
    MinibatchDiscriminating,
    Pair,
    Opposed,
    Concatenated,
    Projected,
    Classifying,
)
NETWORKS: tuple[type, ...] = (*UNCONDITIONAL_NETWORKS, *CONDITIONAL_NETWORKS, *COMPOSED_NETWORKS)

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
