"""Who moves when."""

from .aae import AdversarialAutoencoder, GaussianAdversarialAutoencoder
from .adversarial import Adversarial, Simultaneous, TwoPlayer
from .autoencoding import Autoencoder, VariationalAutoencoder
from .balanced import Balanced
from .bidirectional import ALI, BiGAN, BiGANQP
from .coded import CodedMultiLevel, FrozenAutoencoder
from .contrastive import ContrastiveTranslation
from .coupled import Consensus, NagarajanKolter, Turing
from .cycle import CycleTranslation
from .flow import AdversarialFlow, GradientScale
from .gated import AccuracyGate, EquilibriumGate, Gated
from .gumbel import GumbelSoftmax
from .information import InfoGAN
from .introspective import Introspective, IntroVAE, SoftIntroVAE
from .likelihood import ExpectationMaximization, MaximumLikelihood
from .multi_level import MultiLevel
from .noisy import NoisyReals
from .policy_gradient import PolicyGradient
from .progressive import Faster, ProgressiveGrowing, StyleGrowing
from .rebuilding import Rebuilding, rebuilding
from .regression import Regression
from .slots import Clip, Free, Turns
from .style import PathLength, StyleBased
from .text_to_image import TextToImage
from .translation import PairedTranslation, Translation
from .truncated import Truncating
from .unrolled import Unrolled
from .vae_gan import VAEGAN

GAME_VALUES: tuple[type, ...] = (Turns, Clip, Free, AccuracyGate, EquilibriumGate, GradientScale, Faster, PathLength)

__all__ = [
    "ALI",
    "GAME_VALUES",
    "VAEGAN",
    "AccuracyGate",
    "Adversarial",
    "AdversarialAutoencoder",
    "AdversarialFlow",
    "Autoencoder",
    "Balanced",
    "BiGAN",
    "BiGANQP",
    "Clip",
    "CodedMultiLevel",
    "Consensus",
    "ContrastiveTranslation",
    "CycleTranslation",
    "EquilibriumGate",
    "ExpectationMaximization",
    "Faster",
    "Free",
    "FrozenAutoencoder",
    "Gated",
    "GaussianAdversarialAutoencoder",
    "GradientScale",
    "GumbelSoftmax",
    "InfoGAN",
    "IntroVAE",
    "Introspective",
    "MaximumLikelihood",
    "MultiLevel",
    "NagarajanKolter",
    "NoisyReals",
    "PairedTranslation",
    "PathLength",
    "PolicyGradient",
    "ProgressiveGrowing",
    "Rebuilding",
    "Regression",
    "Simultaneous",
    "SoftIntroVAE",
    "StyleBased",
    "StyleGrowing",
    "TextToImage",
    "Translation",
    "Truncating",
    "Turing",
    "Turns",
    "TwoPlayer",
    "Unrolled",
    "VariationalAutoencoder",
    "rebuilding",
]
