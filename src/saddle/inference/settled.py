"""Statistics that belong to weights which were averaged afterwards: of batches, and of spectral norms."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize

from ..layers.spectral import WARM_UP_STEPS, SpectralNorm
from ..notices import Notify
from .loaded import LoadedGame
from .standing import layers_passed, take_standing_statistics

SETTLING_SAMPLES = 2048  # that batch normalisation is told anew from


def settle_statistics(loaded: LoadedGame, say: Notify) -> None:
    """Find anew what layers remember of the weights that a loaded game wears now; it is in evaluation mode after.

    Running means of batch normalisation become standing ones; where no sample passes, as in encoders, they stay what
    they were, and that is said. Singular vectors of spectral norms are iterated from where they were.
    """
    for module in loaded.game.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.Embedding):
            settle_spectral_norm(module)
    if not (norms := layers_with_statistics(loaded)):
        return
    passed = layers_passed(loaded) if loaded.makes_by_chance else []
    if passed:
        take_standing_statistics(loaded, SETTLING_SAMPLES)
    unseen = len(norms) - len(set(norms) & set(passed))
    if unseen:
        say(f"{unseen} layers of batch normalisation are passed by no sample out of chance, and keep the statistics "
            "of the last round")  # fmt: skip


def layers_with_statistics(loaded: LoadedGame) -> list[_BatchNorm]:
    """All of batch normalisation that keeps some in what makes samples, each once."""
    makers = [loaded.game.get_submodule(name) for name in loaded.game.makers]
    norms = [m for maker in makers for m in maker.modules() if isinstance(m, _BatchNorm)]
    return [norm for norm in dict.fromkeys(norms) if norm.track_running_stats]


def settle_spectral_norm(layer: nn.Module) -> None:
    """Iterate a layer's singular vector, if it has one, until it is that of the weight."""
    if not parametrize.is_parametrized(layer, "weight"):
        return
    norms = [p for p in layer.parametrizations.weight if isinstance(p, SpectralNorm)]  # type: ignore[union-attr]
    for norm in norms:
        norm.train()
        for _ in range(WARM_UP_STEPS):
            _ = layer.weight
        norm.eval()
