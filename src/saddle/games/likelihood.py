"""Maximum likelihood of a density that is known: by gradients, and by EM."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ..batches import Images
from ..clock import Clock
from ..core import Game, Move, Turn
from ..layers.priors import Normal


class MaximumLikelihood(Game[Images]):
    """A generator that minimises -mean log p(x): KL(data | model), but for the entropy of the data.

    It tells `log_density(x)`, (n,), and makes samples of normals (n, latent).
    """

    def __init__(self, generator: nn.Module, latent: int) -> None:
        super().__init__()
        self.generator: Any = generator
        self.latent, self.prior = latent, Normal()

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        yield Move(self.generator, error=-self.score(next(batches).image).mean())

    def phase(self, clock: Clock) -> Hashable | None:
        return ()

    def latents(self, like: Tensor) -> Tensor:
        return self.prior(like, self.latent)

    def make(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        made: Tensor = self.generator(latents)
        return made

    def score(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """log p(x) in nats, (n,)."""
        found: Tensor = self.generator.log_density(images)
        return found


class ExpectationMaximization(MaximumLikelihood):
    """EM as a move: of |s - s(x)|^2 / 2, where s are the moments that make the mixture, and s(x) those by the E-step.

    A step of SGD at rate 1 puts s(x) for s, and so makes the M-step. At lower rates the moments follow those of batches
    slowly, which is stepwise EM (Cappe & Moulines 2009).
    """

    def phase(self, clock: Clock) -> None:
        return None  # covariances are factored, and torch looks whether they could be

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        x = next(batches).image
        with torch.no_grad():
            log_density, expected = self.generator.expect(x)
        apart = self.generator.moments - expected
        yield Move(self.generator, error=-log_density.mean(), moments=apart.square().sum() / 2)
