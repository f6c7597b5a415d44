"""A VAE whose errors are those of a critic's features, and whose critic it plays against. Larsen et al. 2016."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..batches import Images
from ..capabilities import per_sample_score
from ..clock import Clock, Number, check_range, factor_at
from ..core import Agree, Judge, Move, Objective, Turn, required_conditions, upcast
from ..errors import require
from ..layers.gaussian_code import gaussian_kl, reparameterise
from ..layers.priors import Normal
from ..objectives import Minimax
from ..objectives.likelihoods import squared_distance
from ..parts import CURRENT_SHARD
from ..parts.replay import Replay
from ..recipe import Prior
from .encoding import NormalCodes, PriorCodes
from .gated import Gate, check_boundary


class Losses(NamedTuple):
    """What one pass tells: L_prior and L_llike, and the scores of images, of their copies and of samples, (n,) each."""

    prior: Tensor
    likelihood: Tensor
    real: Tensor
    copied: Tensor
    made: Tensor


class VAEGAN(NormalCodes, PriorCodes):
    """Encoder, generator and critic move at once, each by losses of its own: algorithm 1 of Larsen et al. 2016.

    L_prior = KL(q(z|x) | N(0, 1)) and L_llike = |D_l(x) - D_l(x~)|^2 / (2 std^2), of the critic's features of an image
    and of its copy, are the encoder's. The generator has gamma L_llike, and wants copies and samples to be taken for
    real; the critic has nothing but to tell them from x. All are made in one pass, and judged in one, so that a batch
    normalisation is of all of them, and so are its running statistics. Under a gate, a player waits that is far ahead.
    """

    open: Tensor

    def __init__(self, encoder: nn.Module, generator: nn.Module, critic: nn.Module, latent: int,
                 objective: Objective = Minimax(), prior: Prior = Normal(), gamma: Number = 5e-5, std: float = 1.0,
                 gate: Gate | None = None) -> None:  # fmt: skip
        super().__init__(encoder, generator, latent)
        told = " and ".join(sorted(required_conditions(critic)))
        require(not told, f"the critic of VAEGAN is told nothing beside the image, and this one needs its {told}; give "
                '--networks "ConvolutionalVAEGAN()"')  # fmt: skip
        check_range(gamma, "the weight gamma")
        require(0 < std < math.inf, f"the deviation of features, std, is {std!r}, but should be above 0")
        if gate:
            check_boundary(gate, objective, critic)
        self.critic, self.objective, self.prior, self.gate = critic, objective, prior, gate
        self.gamma, self.std = gamma, std
        self.register_buffer("open", torch.ones(3, dtype=torch.bool))  # reals, fakes, generator: who may learn

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        x = next(batches).image
        waits = self.gate and CURRENT_SHARD.get().accumulates
        replay = Replay(nn.ModuleList([self.encoder, self.generator, self.critic])) if waits else None
        with torch.set_grad_enabled(replay is None):
            losses = self.losses(x)
        if self.gate:
            yield Agree(self.decide, self.gate.observe(losses.real, torch.cat([losses.copied, losses.made])))
        if replay:
            with replay.again():
                losses = self.losses(x)
        turn = tuple(self.moves(losses, clock))
        del losses  # the graph goes with the moves, before another part makes its own
        yield turn

    def losses(self, x: Tensor) -> Losses:
        mean, log_variance = self.posterior(x)
        made = self.generator(torch.cat([reparameterise(mean, log_variance), self.latents(x)]))
        score, features, *_ = self.critic(torch.cat([x, made.to(x.dtype)]))
        of_x, of_copies, _ = features.chunk(3)
        likelihood = squared_distance(of_copies, upcast(of_x).detach()).mean() / (2 * self.std**2)
        return Losses(gaussian_kl(mean, log_variance).mean(), likelihood, *upcast(score).chunk(3))

    def moves(self, of: Losses, clock: Clock) -> Iterator[Move]:
        """Each player's, of all that may move: the engine takes the gradients of its own parameters alone."""
        yield Move(self.encoder, prior=of.prior, likelihood=of.likelihood)
        fakes = of.copied, of.made
        if self.open[2]:
            fooled = torch.stack([self.objective.generator(of.real.detach(), fake) for fake in fakes]).sum()
            yield Move(self.generator, likelihood=factor_at(self.gamma, clock) * of.likelihood, adversarial=fooled)
        if self.open[:2].any():
            told = torch.stack([self.objective.critic(of.real, fake) for fake in fakes]).mean()  # real : fake = 1 : 1
            yield Move(self.critic, adversarial=told)

    def decide(self, mean: Tensor) -> None:
        assert self.gate is not None
        self.open.copy_(self.gate.decide(mean, self.open))

    def phase(self, clock: Clock) -> Hashable | None:
        return None if self.gate else ()  # a gate decides from data

    def judge(self, condition: Tensor | None, clock: Clock) -> Judge:
        return Judge(self.critic, clock)

    def score(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        return per_sample_score(self.critic(images).score)
