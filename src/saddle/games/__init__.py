"""Who moves when."""

from .adversarial import Adversarial, Simultaneous, TwoPlayer
from .autoencoding import Autoencoder, VariationalAutoencoder
from .balanced import Balanced
from .coupled import Consensus, NagarajanKolter, Turing
from .gated import AccuracyGate, EquilibriumGate, Gated
from .noisy import NoisyReals
from .regression import Regression
from .slots import Clip, Free, Turns
from .unrolled import Unrolled

GAME_VALUES: tuple[type, ...] = (Turns, Clip, Free, AccuracyGate, EquilibriumGate)

__all__ = [
    "GAME_VALUES",
    "AccuracyGate",
    "Adversarial",
    "Autoencoder",
    "Balanced",
    "Clip",
    "Consensus",
    "EquilibriumGate",
    "Free",
    "Gated",
    "NagarajanKolter",
    "NoisyReals",
    "Regression",
    "Simultaneous",
    "Turing",
    "Turns",
    "TwoPlayer",
    "Unrolled",
    "VariationalAutoencoder",
]
