"""Games in which a player looks at more than scores: at the game's gradients, or at its opponent's picture."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Iterator
from typing import ClassVar, Unpack

import torch
from torch import Tensor, nn

from ..batches import Images
from ..clock import Clock
from ..core import Judge, Judged, Move, Turn, frozen, part_name, upcast
from ..errors import require
from ..objectives.around import is_critic_alone
from ..precision import differentiable_twice, full_precision
from .adversarial import Adversarial, Simultaneous, TwoPlayer
from .slots import Slots
from .terms import critic_input, weighted_terms
from .whole_batch import batch_mean, flat_grad


class Consensus(Simultaneous):
    """Both players also shrink the game's gradient field v: they add gamma/2 |v|^2. Mescheder et al. 2017.

    v holds the gradient of each player's own loss, penalties and all, in its own weights; it is the whole batch's, in
    how many parts that may be played. Its square is that of the expectation plus the variance between batches.
    """

    second_order: ClassVar[bool] = True

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        gamma: float = 0.1,  # weight of the field; the authors' code: 0.1 on CIFAR-10, 10 on CelebA
        **slots: Unpack[Slots],
    ) -> None:
        super().__init__(generator, critic, latent, **slots)
        require(0 <= gamma < math.inf, f"Consensus: gamma is {gamma}, but should be 0 or more")
        self.gamma = gamma

    def joint_moves(self, judge: Judge, real: Judged, fake: Judged) -> Iterator[Turn]:
        with full_precision(real.sample):
            moves = self.critic_move(judge, real, fake), self.generator_move(judge, real, fake)
            v = torch.cat([flat_grad(move.loss, *move.players) for move in moves])
        mean = yield from batch_mean(self, v)
        for move in moves:
            move.terms["consensus"] = self.gamma / 2 * mean_square(v, mean)
        yield moves


class NagarajanKolter(Adversarial):
    """The generator also keeps the critic's gradient v small: it adds eta |v|^2. Nagarajan & Kolter 2017.

    v is the gradient of the critic's own loss, penalties and all, in its weights; the whole batch's, like Consensus's.
    To first order, this is Unrolled by one step of eta.
    """

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        eta: float = 0.5,  # weight of the critic's gradient; the authors' code
        **slots: Unpack[Slots],
    ) -> None:
        super().__init__(generator, critic, latent, **slots)
        require(0 <= eta < math.inf, f"NagarajanKolter: eta is {eta}, but should be 0 or more")
        self.eta = eta

    def differentiated_once(self) -> tuple[nn.Module, ...]:
        return tuple(player for player in super().differentiated_once() if player is not self.critic)

    def generator_turn(self, judge: Judge, batch: Images, fake: Tensor) -> Iterator[Turn]:
        with differentiable_twice(fake):  # the critic is differentiated twice, the generator once
            real, made = judge(critic_input(batch.image, self.penalties, judge.clock)), judge(upcast(fake))
            move = self.generator_move(judge, real, made)
            v = flat_grad(self.critic_move(judge, real, made).loss, self.critic)
        mean = yield from batch_mean(self, v)
        move.terms["steepness"] = self.eta * mean_square(v, mean)
        yield move


class Turing(TwoPlayer):
    """T-GAN: of two pictures, which is real? The critic's condition is the opponent. Su 2018.

    Needs a critic of pairs, such as networks.Opposed's. The objective's critic loss is both players', the generator's
    with the pictures swapped: each minimises it over both orders. Labels, if there are any, are not judged.
    """

    shows_opponent: ClassVar[bool] = True

    def __init__(self, generator: nn.Module, critic: nn.Module, latent: int, **slots: Unpack[Slots]) -> None:
        super().__init__(generator, critic, latent, **slots)
        require(not is_critic_alone(self.objective),
                "Turing: both players play the objective's critic loss, so CriticAlone "
                "leaves the generator nothing else; give what it is made of, such as NonSaturating()")  # fmt: skip
        for penalty in (*self.penalties, *self.generator_penalties):
            require(penalty.input_grad != "elsewhere",
                    f"Turing: the points that {part_name(penalty)} takes slopes at have "
                    "no opponent to be compared with; take a penalty of slopes at the samples, R1 or R2")  # fmt: skip

    def critic_turn(self, judge: Judge, batch: Images, fake: Tensor) -> Generator[Turn, None, tuple[Judged, Judged]]:
        x, x_fake = (critic_input(sample, self.penalties, judge.clock) for sample in (batch.image, fake))
        judge, real, made = self.compare(judge, x, x_fake)
        yield self.critic_move(judge, real, made)
        return real, made

    def generator_turn(self, judge: Judge, batch: Images, fake: Tensor) -> Iterator[Turn]:
        with frozen(self.critic):
            judge, real, made = self.compare(judge, batch.image, fake)
        yield self.generator_move(judge, real, made)

    def generator_move(self, judge: Judge, real: Judged, fake: Judged) -> Move:
        loss = self.objective.critic(fake.score, real.score)
        return Move(self.generator, adversarial=loss, **weighted_terms(self.generator_penalties, judge, real, fake))

    def compare(self, judge: Judge, x: Tensor, fake: Tensor) -> tuple[Judge, Judged, Judged]:
        """How real each looks beside the other; and the judge who compares with fakes, whom penalties may ask."""
        beside_fakes, beside_reals = (
            dataclasses.replace(judge, condition=self.apply_views(y, judge.clock)) for y in (fake, x)
        )
        return beside_fakes, beside_fakes(x), beside_reals(fake)

    def apply_views(self, opponent: Tensor, clock: Clock) -> Tensor:
        for view in self.views:
            opponent = view(opponent, clock)
        return opponent


def mean_square(v: Tensor, mean: Tensor) -> Tensor:
    """The mean over all parts of a batch is |mean|^2, and its gradient too, though each part knows only its own v.

    The gradient of |mean|^2 is twice the mean over parts of v's Jacobian, transposed, times the mean.
    """
    return 2 * (v * mean).sum() - mean.square().sum()
