"""Matched pairs as frozen values: what makes samples, and what judges them."""

from .ac_gan import Classifying, ClassifyingConvolutional
from .adversarial_flow import FlowTransformer
from .ali import MaxoutBidirectional
from .autoencoder import ConvolutionalAutoencoder, DenseAutoencoder
from .began import MirroredAutoencoding
from .bigan import Bidirectional, DenseBidirectional
from .biggan import BigResNet
from .bottleneck import Bottlenecked
from .cgan import Concatenated
from .cgan_mlp import ConditionalDense
from .cycle_gan import ResidualTranslator
from .dcgan import AllConvolutional28, Convolutional
from .ebgan import Autoencoding, DenseAutoencoding
from .gan_cls import TextConvolutional
from .gan_stability import DampedResidual
from .gat import PatchTransformer
from .gaussian_mixture import NormalMixture
from .hub_reader import HubReader
from .infogan import Inferring
from .introvae import ResidualAutoencoder
from .mlp import Dense, Perceptron
from .mlp_toys import MaxoutPerceptron, OrthogonalPerceptron
from .pggan import Progressive
from .projection_gan import Projected
from .r3gan import ConditionalGroupedResidual, GroupedResidual
from .resnet import ResNet
from .sn_gan import Spectral, SpectralConvolutional
from .spatial_autoencoder import SpatialAutoencoder, count_latents
from .stylegan import Styled
from .stylegan2 import Modulated
from .t_gan import Opposed
from .text_lstm import TextLSTM
from .text_readers import CharacterReader, WordReader
from .unet import UNet
from .vae_gan import ConvolutionalVAEGAN
from .wgan_gp import Convolutional5
from .wrappers import Dropped, MinibatchDiscriminating, Packed, Pair

UNCONDITIONAL_NETWORKS = (Dense, Perceptron, MaxoutPerceptron, OrthogonalPerceptron, Convolutional, AllConvolutional28,
                          Convolutional5,
         ResNet, SpectralConvolutional, DampedResidual, GroupedResidual, Progressive, Styled, Modulated,
         DenseAutoencoding, Autoencoding, MirroredAutoencoding)  # fmt: skip
CONDITIONAL_NETWORKS = (ConditionalDense, ConditionalGroupedResidual, ClassifyingConvolutional, BigResNet)
ENCODER_NETWORKS = (
    DenseAutoencoder,
    ConvolutionalAutoencoder,
    Bidirectional,
    DenseBidirectional,
    MaxoutBidirectional,
    ResidualAutoencoder,
    ConvolutionalVAEGAN,
    SpatialAutoencoder,
)
COMPOSED_NETWORKS = (
    Spectral,
    Packed,
    Dropped,
    Bottlenecked,
    MinibatchDiscriminating,
    Pair,
    Opposed,
    Concatenated,
    Projected,
    Classifying,
    Inferring,
)
TRANSFORMERS = (PatchTransformer, FlowTransformer)
TRANSLATION_NETWORKS = (UNet, ResidualTranslator)
TEXT_NETWORKS = (TextConvolutional, WordReader, CharacterReader, HubReader)  # of recipes that read texts
NETWORKS: tuple[type, ...] = (
    *UNCONDITIONAL_NETWORKS,
    *CONDITIONAL_NETWORKS,
    *COMPOSED_NETWORKS,
    *ENCODER_NETWORKS,
    NormalMixture,
    *TRANSFORMERS,
    *TRANSLATION_NETWORKS,
    *TEXT_NETWORKS,
    TextLSTM,
)

__all__ = [
    "NETWORKS",
    "AllConvolutional28",
    "Autoencoding",
    "Bidirectional",
    "BigResNet",
    "Bottlenecked",
    "CharacterReader",
    "Classifying",
    "ClassifyingConvolutional",
    "Concatenated",
    "ConditionalDense",
    "ConditionalGroupedResidual",
    "Convolutional",
    "Convolutional5",
    "ConvolutionalAutoencoder",
    "ConvolutionalVAEGAN",
    "DampedResidual",
    "Dense",
    "DenseAutoencoder",
    "DenseAutoencoding",
    "DenseBidirectional",
    "Dropped",
    "FlowTransformer",
    "GroupedResidual",
    "HubReader",
    "Inferring",
    "MaxoutBidirectional",
    "MaxoutPerceptron",
    "MinibatchDiscriminating",
    "MirroredAutoencoding",
    "Modulated",
    "NormalMixture",
    "Opposed",
    "OrthogonalPerceptron",
    "Packed",
    "Pair",
    "PatchTransformer",
    "Perceptron",
    "Progressive",
    "Projected",
    "ResNet",
    "ResidualAutoencoder",
    "ResidualTranslator",
    "SpatialAutoencoder",
    "Spectral",
    "SpectralConvolutional",
    "Styled",
    "TextConvolutional",
    "TextLSTM",
    "UNet",
    "WordReader",
    "count_latents",
]
