"""An autoencoder whose codes, taken together, come to be distributed as a prior. Makhzani et al. 2015."""

from __future__ import annotations

from collections.abc import Hashable, Iterator

import torch
from torch import Tensor, nn

from ..batches import Images
from ..clock import Clock, Number, check_range, factor_at
from ..core import Move, Objective, Remembers, Turn, frozen, upcast
from ..layers.priors import Normal
from ..objectives import NonSaturating
from ..objectives.likelihoods import Likelihood, SquaredError
from ..recipe import Prior
from .autoencoding import Autoencoder
from .encoding import NormalCodes, PriorCodes


class AdversarialAutoencoder(Autoencoder, PriorCodes):
    """Encoder and generator learn to make images again; then a critic tells draws of the prior from codes, and the
    encoder learns to mislead it.

    The prior may be anything that can be drawn from: nobody asks for its density.
    """

    def __init__(self, encoder: nn.Module, generator: nn.Module, critic: nn.Module, latent: int,
                 likelihood: Likelihood | Remembers[Likelihood] = SquaredError(),
                 objective: Objective = NonSaturating(), prior: Prior = Normal(),
                 weight: Number = 1.0) -> None:  # fmt: skip
        super().__init__(encoder, generator, latent, likelihood)
        check_range(weight, "the weight of the critic of codes")
        self.critic, self.objective, self.prior, self.weight = critic, objective, prior, weight

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        x = next(batches).image
        yield Move(*self.learners, error=self.likelihood(self.generator, self.draw_code(x), x).mean())
        z = self.latents(x)
        with torch.no_grad():
            code = self.draw_code(x)
        yield Move(self.critic, adversarial=self.objective.critic(self.judge_code(z), self.judge_code(code)))
        with frozen(self.critic):
            drawn, code_score = self.judge_code(z), self.judge_code(self.draw_code(x))
        fooled = self.objective.generator(drawn, code_score)
        yield Move(self.encoder, adversarial=factor_at(self.weight, clock) * fooled)

    def judge_code(self, code: Tensor) -> Tensor:
        """How much codes (n, latent) look drawn from the prior, (n,)."""
        return upcast(self.critic(code).score)

    def phase(self, clock: Clock) -> Hashable | None:
        return ()


class GaussianAdversarialAutoencoder(AdversarialAutoencoder, NormalCodes):
    """The same with a normal law for each image, of which the code is drawn."""
