"""Building blocks: layers, how weights begin, priors (where latents come from), views (what a critic sees)."""

from .attention import SelfAttention
from .augment import ADA, Augment, DiffAugment
from .equalized import EqualizedConv2d, EqualizedLinear, PixelNorm, RectifiedConv2d
from .init import glorot_uniform, he_uniform, normal_init, uniform_init
from .maxout import Maxout
from .minibatch import MinibatchDiscrimination, MinibatchStd
from .modulated import ModulatedConv2d
from .priors import PRIORS, Normal, Uniform
from .resampling import Blur, Downsample, GlobalSumPool, Upsample
from .residual import ResidualBlock, down_block, same_block, up_block
from .spectral import SpectralNorm, add_spectral_norm, add_spectral_norms
from .style import MappingNetwork, NoiseInjection, ScaledLeakyReLU
from .views import VIEWS, Noise

__all__ = [
    "ADA",
    "PRIORS",
    "VIEWS",
    "Augment",
    "Blur",
    "DiffAugment",
    "Downsample",
    "EqualizedConv2d",
    "EqualizedLinear",
    "GlobalSumPool",
    "MappingNetwork",
    "Maxout",
    "MinibatchDiscrimination",
    "MinibatchStd",
    "ModulatedConv2d",
    "Noise",
    "NoiseInjection",
    "Normal",
    "PixelNorm",
    "RectifiedConv2d",
    "ResidualBlock",
    "ScaledLeakyReLU",
    "SelfAttention",
    "SpectralNorm",
    "Uniform",
    "Upsample",
    "add_spectral_norm",
    "add_spectral_norms",
    "down_block",
    "glorot_uniform",
    "he_uniform",
    "normal_init",
    "same_block",
    "uniform_init",
    "up_block",
]
