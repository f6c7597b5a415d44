"""BEGAN: a critic that autoencodes, and a controller that keeps the errors of made and real samples in proportion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Unpack

import torch
from torch import Tensor, nn

from ..core import Agree, Judge, Judged, Move, Turn, is_energy
from ..errors import require
from .adversarial import Simultaneous
from .slots import Slots
from .terms import weighted_terms


class Balanced(Simultaneous):
    """Fakes count k times in the critic's loss; k rises while they are rebuilt too well. Berthelot et al. 2017.

    L is minus the critic's score, the error that it leaves. The critic minimises L(x) - k L(G(z)), the generator
    L(G(z)); then k moves by rate (gamma L(x) - L(G(z))), within [0, 1]. The log has k and the measure of convergence,
    M = L(x) + |gamma L(x) - L(G(z))|, whose fall is progress.
    """

    k: Tensor
    errors: Tensor  # of reals and of fakes, in the last round

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        gamma: float = 0.5,  # the error of fakes, as a share of that of reals
        rate: float = 1e-3,  # how fast k follows; lambda_k
        **slots: Unpack[Slots],
    ) -> None:
        super().__init__(generator, critic, latent, **slots)
        require(0 <= gamma <= 1, f"Balanced: gamma is {gamma}, but should be a share from 0 to 1")
        require(0 <= rate < float("inf"), f"Balanced: rate is {rate}, but should be 0 or more")
        require(is_energy(critic), "Balanced weighs errors: it needs a critic whose scores are minus an energy; give "
                "networks that autoencode, MirroredAutoencoding() or DenseAutoencoding()")  # fmt: skip
        self.gamma, self.rate = gamma, rate
        self.register_buffer("k", torch.zeros(()))
        self.register_buffer("errors", torch.zeros(2))

    def critic_move(self, judge: Judge, real: Judged, fake: Judged) -> Move:
        loss = self.objective.critic(real.score, self.k.clone() * fake.score)
        return Move(self.critic, adversarial=loss, **weighted_terms(self.penalties, judge, real, fake))

    def after_critic_turn(self, judged: tuple[Judged, Judged]) -> Iterator[Turn]:
        yield from super().after_critic_turn(judged)
        yield Agree(self.balance, torch.stack([-one.score.detach().mean() for one in judged]))

    def balance(self, errors: Tensor) -> None:
        """Heed the mean errors of the whole batch."""
        self.errors.copy_(errors)
        self.k.add_(self.rate * self.surplus).clamp_(0, 1)

    @property
    def surplus(self) -> Tensor:
        """How far fakes are rebuilt better than gamma asks for."""
        return self.gamma * self.errors[0] - self.errors[1]

    @property
    def measure(self) -> Tensor:
        """The measure of convergence, M = L(x) + |gamma L(x) - L(G(z))|."""
        return self.errors[0] + self.surplus.abs()

    def logged_scalars(self) -> Mapping[str, Tensor]:
        return {**super().logged_scalars(), "Balanced/k": self.k, "Balanced/M": self.measure}
