"""What happens when only the data are noised: a game apart, since it is played for other data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Unpack

from torch import nn

from ..batches import Images
from ..clock import Clock
from ..core import Turn, View
from ..fitting import check_fit
from ..layers.views import Noise
from .adversarial import Adversarial
from .slots import Slots


class NoisyReals(Adversarial):
    """A lecture's ablation: reals alone are noised, so that the best generator makes noisy samples."""

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        noise: View = Noise(),
        **slots: Unpack[Slots],
    ) -> None:
        super().__init__(generator, critic, latent, **slots)
        check_fit(self, noise)
        self.noise = noise

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        return super().round((b._replace(image=self.noise(b.image, clock)) for b in batches), clock)
