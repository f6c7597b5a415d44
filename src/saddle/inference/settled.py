"""Statistics that belong to weights which were averaged afterwards: of batches, and of spectral norms."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize

from ..layers.spectral import WARM_UP_STEPS, SpectralNorm
from ..notices import Notify
from ..training.rows import MAX_ROWS
from .loaded import LoadedGame

SETTLING_BATCHES = 32  # of samples that batch normalisation is told anew from


def settle_statistics(loaded: LoadedGame, say: Notify) -> None:
    """Find anew what layers remember of the weights that a loaded game wears now; it is in evaluation mode after.

    Running means of batch normalisation become those of samples out of chance; where no sample passes, as in encoders,
    they stay what they were, and that is said. Singular vectors of spectral norms are iterated from where they were.
    """
    for module in loaded.game.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.Embedding):
            settle_spectral_norm(module)
    makers = [loaded.game.get_submodule(name) for name in loaded.game.makers]
    norms = [m for maker in makers for m in maker.modules() if isinstance(m, _BatchNorm)]
    norms = [norm for norm in dict.fromkeys(norms) if norm.track_running_stats]
    unseen = measure_batches(loaded, norms) if norms and loaded.makes_by_chance else len(norms)
    if unseen:
        say(f"{unseen} layers of batch normalisation are passed by no sample out of chance, and keep the statistics "
            "of the last round")  # fmt: skip


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


def measure_batches(loaded: LoadedGame, norms: Iterable[_BatchNorm]) -> int:
    """Take running statistics as the mean over batches of samples; returns how many layers saw none."""
    before: dict[_BatchNorm, tuple[float | None, dict[str, Tensor]]] = {}
    for norm in norms:
        before[norm] = norm.momentum, {key: t.clone() for key, t in norm.state_dict().items()}
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all batches
        norm.train()
    rows = max(2, min(loaded.batch, MAX_ROWS))  # as in training, where a batch is normalised by its own moments
    for place in range(0, SETTLING_BATCHES * MAX_ROWS, MAX_ROWS):
        loaded.sample_chunk(0, place, rows)
    unseen = 0
    for norm, (momentum, state) in before.items():
        norm.momentum = momentum
        norm.eval()
        if not norm.num_batches_tracked:
            norm.load_state_dict(state)
            unseen += 1
    return unseen
