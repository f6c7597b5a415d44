"""A generator against a critic: the game of most papers, and the first paper's, where both move at once."""

from __future__ import annotations

from collections.abc import Generator, Hashable, Iterator, Mapping
from contextlib import nullcontext
from typing import ClassVar, Unpack

import torch
from torch import Tensor, nn

from ..batches import Images
from ..capabilities import generate, per_sample_score
from ..clock import Clock, value_at
from ..core import Constraint, Game, Judge, Judged, Move, Objective, Penalties, Penalty, Turn, View, Views, frozen
from ..errors import require
from ..fitting import check_fit
from ..layers.conditional import check_classes
from ..layers.priors import Normal
from ..objectives import NonSaturating
from ..parts import CURRENT_SHARD
from ..parts.replay import Replay
from ..precision import differentiable_twice
from ..recipe import Prior
from .slots import (
    Free,
    Slots,
    Turns,
    check_no_batch_norm,
    check_opponent,
    check_penalty_side,
    check_views,
)
from .terms import critic_input, is_due, needs_input_grad, update_memories, weighted_terms


class TwoPlayer(Game[Images]):
    """Every slot is a value. The batch's condition belongs to its reals and to the fakes made for it.

    Where a player does more than move at its turn, a game of its own overrides `critic_turn` or `generator_turn`.
    """

    shows_opponent: ClassVar[bool] = False  # is the critic's condition the opponent of each sample, and not its label?

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,  # numbers the generator starts from
        objective: Objective = NonSaturating(),
        penalties: Penalties = (),  # the critic's
        generator_penalties: Penalties = (),
        views: Views = (),  # what the critic sees
        prior: Prior = Normal(),
        turns: Turns = Turns(),
        constraint: Constraint = Free(),  # on the critic, after each of its moves
    ) -> None:
        super().__init__()
        self.generator, self.critic, self.latent = generator, critic, latent
        self.objective, self.prior, self.turns, self.constraint = objective, prior, turns, constraint
        self.penalties: tuple[Penalty, ...] = self.adopt("penalty", penalties)
        self.generator_penalties: tuple[Penalty, ...] = self.adopt("generator_penalty", generator_penalties)
        self.views: tuple[View, ...] = self.adopt("view", views)
        check_penalty_side(self.penalties, "critic", "generator_penalties")
        check_penalty_side(self.generator_penalties, "generator", "penalties")
        check_views(self.views)
        check_fit(self, *views)
        check_opponent(critic, self.shows_opponent)
        check_no_batch_norm(self)
        check_fit(self, critic, generator)
        check_fit(self, *penalties, *generator_penalties)  # no way out of one slot is into the other
        check_fit(self, objective)
        check_fit(self, prior, turns, constraint)

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        steps = int(value_at(self.turns.critic, clock))
        for _ in range(steps):
            batch = next(batches)
            judge = self.open_judge(batch.condition, clock)
            replay = Replay(self.generator) if steps == 1 and CURRENT_SHARD.get().accumulates else None
            with torch.set_grad_enabled(steps == 1 and replay is None):  # then the generator answers these very fakes
                fake = self.generate(batch)
            judged = yield from self.critic_turn(judge, batch, fake)
            yield from self.after_critic_turn(judged)
        for i in range(int(value_at(self.turns.generator, clock))):
            if i > 0 or steps > 1 or replay:
                with replay.again() if i == 0 and replay else nullcontext():
                    fake = self.generate(batch)
            yield from self.generator_turn(judge, batch, fake)

    def critic_turn(self, judge: Judge, batch: Images, fake: Tensor) -> Generator[Turn, None, tuple[Judged, Judged]]:
        """The critic's move, if it has one; returns reals and fakes as judged, for all that remembers to hear of."""
        real, made = (judge(critic_input(x, self.penalties, judge.clock)) for x in (batch.image, fake))
        yield self.critic_move(judge, real, made)
        return real, made

    def after_critic_turn(self, judged: tuple[Judged, Judged]) -> Iterator[Turn]:
        """What follows every turn of the critic, whether it moved or waited: all that remembers hears of it.

        What is done to its weights is in `after_move`, which the engine calls. No turn has to think of either.
        """
        require(isinstance(judged, tuple) and [*map(type, judged)] == [Judged, Judged], "the critic_turn "
                f"of {type(self).__name__} should return what it has judged, which ADA and others hear of: end it "
                "with return real, fake")  # fmt: skip
        yield from update_memories((*self.penalties, *self.views), *judged)

    def generator_turn(self, judge: Judge, batch: Images, fake: Tensor) -> Iterator[Turn]:
        yield self.answer(judge, batch, fake)

    def critic_move(self, judge: Judge, real: Judged, fake: Judged) -> Move:
        loss = self.objective.critic(real.score, fake.score)
        return Move(self.critic, adversarial=loss, **weighted_terms(self.penalties, judge, real, fake))

    def generator_move(self, judge: Judge, real: Judged, fake: Judged) -> Move:
        loss = self.objective.generator(real.score, fake.score)
        return Move(self.generator, adversarial=loss, **weighted_terms(self.generator_penalties, judge, real, fake))

    def answer(self, judge: Judge, batch: Images, fake: Tensor) -> Move:
        """The generator's move against the critic as it is now; reals are judged only if something reads them."""
        with frozen(self.critic):
            made = judge(fake)
        real = made
        if self.objective.paired or self.generator_penalties:
            with torch.no_grad():
                real = judge(batch.image)
        return self.generator_move(judge, real, made)

    def open_judge(self, condition: Tensor | None, clock: Clock) -> Judge:
        return Judge(self.critic, clock, condition, self.views)

    def generate(self, batch: Images) -> Tensor:
        return generate(self, batch.image, batch.condition)

    def latents(self, like: Tensor) -> Tensor:
        return self.prior(like, self.latent)

    def make(self, latents: Tensor, condition: Tensor | None = None) -> Tensor:
        check_classes(self, condition)
        fake: Tensor = self.generator(latents, condition)
        return fake

    def after_move(self, player: nn.Module) -> None:
        if player is self.critic:
            self.constraint(player)

    def phase(self, clock: Clock) -> Hashable:
        both = (*self.penalties, *self.generator_penalties)
        return (
            value_at(self.turns.critic, clock),
            value_at(self.turns.generator, clock),
            tuple(is_due(p, clock) for p in both),
        )

    def differentiated_once(self) -> tuple[nn.Module, ...]:
        """By what the penalties say of slopes: one of the critic's at samples is no matter of the generator's."""
        slopes, own = (any(p.input_grad != "nowhere" for p in some) for some in (self.penalties,
                                                                                 self.generator_penalties))  # fmt: skip
        return (*(() if own else (self.generator,)), *(() if slopes or own else (self.critic,)))

    def show(self, batch: Images) -> Mapping[str, Tensor]:
        return {"made": self.generate(batch)}


class Adversarial(TwoPlayer):
    """A critic that scores samples, each by itself or packs of them, so that anybody may ask it."""

    def judge(self, condition: Tensor | None, clock: Clock) -> Judge:
        check_classes(self, condition)
        return self.open_judge(condition, clock)

    def score(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        check_classes(self, condition)
        return per_sample_score(Judge(self.critic, self.clock, condition)(images).score)


class Simultaneous(Adversarial):
    """Both players move at once, once a round, from one forward pass. Goodfellow et al. 2014, as they published it."""

    second_order: ClassVar[bool] = False  # are both networks differentiated twice, whatever the penalties ask for?

    def __init__(self, generator: nn.Module, critic: nn.Module, latent: int, **slots: Unpack[Slots]) -> None:
        super().__init__(generator, critic, latent, **slots)
        alone = self.turns == Turns()
        require(alone, f"both players move at once here, so a round cannot have {self.turns}; leave turns out")

    def round(self, batches: Iterator[Images], clock: Clock) -> Iterator[Turn]:
        batch = next(batches)
        judge = self.open_judge(batch.condition, clock)
        # the fakes keep their graph, so they are no leaves whose slopes are exact by themselves
        with (
            differentiable_twice(batch.image)
            if self.second_order or needs_input_grad(self.penalties, clock)
            else nullcontext()
        ):
            real, fake = judge(critic_input(batch.image, self.penalties, clock)), judge(self.generate(batch))
        told, both = list(self.after_critic_turn((real, fake))), self.joint_moves(judge, real, fake)
        del real, fake
        yield from both
        yield from told

    def differentiated_once(self) -> tuple[nn.Module, ...]:
        """All or none: the fakes keep their graph where slopes are asked for."""
        once = super().differentiated_once()
        return once if len(once) == 2 and not self.second_order else ()

    def joint_moves(self, judge: Judge, real: Judged, fake: Judged) -> Iterator[Turn]:
        moves = self.critic_move(judge, real, fake), self.generator_move(judge, real, fake)
        del real, fake  # or this frame would keep what only one of the moves needs, while other parts play
        yield moves
