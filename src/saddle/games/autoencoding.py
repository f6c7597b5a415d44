"""Learning to make images again from few numbers: the plain autoencoder, and the variational one."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator

import torch
from torch import Tensor, nn

from ..batches import Images
from ..clock import Clock, Number, check_range, factor_at
from ..core import Move, Remembers, Turn
from ..errors import require
from ..layers.gaussian_code import LOG_2PI, gaussian_kl, reparameterise
from ..layers.priors import Normal
from ..objectives.likelihoods import Likelihood, SquaredError, observe
from .encoding import EncoderGame, NormalCodes, PriorCodes


class Autoencoder(EncoderGame):
    """An encoder and a generator that minimise E |x - G(E(x))|^2, or another error. Hinton & Salakhutdinov 2006.

    It knows nothing of where codes lie, and so makes no samples out of chance.
    """

    def __init__(self, encoder: nn.Module, generator: nn.Module, latent: int,
                 likelihood: Likelihood | Remembers[Likelihood] = SquaredError()) -> None:  # fmt: skip
        super().__init__(encoder, generator, latent)
        # one that learns is a module, and so a player
        self.likelihood: Likelihood = likelihood.memory() if isinstance(likelihood, Remembers) else likelihood
        own = [self.likelihood] if isinstance(self.likelihood, nn.Module) else []
        self.learners = (encoder, generator, *own)

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        x = next(batches).image
        yield Move(*self.learners, error=self.likelihood(self.generator, self.encode(x), x).mean())

    def score(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Minus the error of each, (n,)."""
        return -self.likelihood(self.generator, self.encode(images), images)


class VariationalAutoencoder(Autoencoder, NormalCodes, PriorCodes):
    """The error of codes drawn from q(z|x), and KL(q(z|x) | N(0, 1)), both in nats. Kingma & Welling 2013."""

    def __init__(self, encoder: nn.Module, generator: nn.Module, latent: int,
                 likelihood: Likelihood | Remembers[Likelihood], beta: Number = 1.0) -> None:  # fmt: skip
        super().__init__(encoder, generator, latent, likelihood)
        check_range(beta, "the weight beta")
        self.beta, self.prior = beta, Normal()

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        x = next(batches).image
        mean, log_variance = self.posterior(x)
        error = self.likelihood(self.generator, reparameterise(mean, log_variance), x).mean()
        yield Move(*self.learners, error=error, kl=factor_at(self.beta, clock) * gaussian_kl(mean, log_variance).mean())

    def phase(self, clock: Clock) -> Hashable | None:
        return ()

    def score(self, images: Tensor, condition: Tensor | None = None, *, draws: int = 1) -> Tensor:
        """A bound on log p(x) in nats, (n,), by so many draws of a code; tighter with more. Burda et al. 2016."""
        require(draws >= 1, f"draws is {draws}, but should be 1 or more")
        (mean, log_variance), x = self.posterior(images), observe(self.likelihood, images)
        weights = []
        for _ in range(draws):
            z = reparameterise(mean, log_variance)
            log_p = -self.likelihood(self.generator, z, x) - 0.5 * (z.square() + LOG_2PI).sum(1)
            apart = (z - mean).square() / log_variance.exp()
            weights.append(log_p + 0.5 * (apart + log_variance + LOG_2PI).sum(1))
        return torch.stack(weights).logsumexp(0) - math.log(draws)
