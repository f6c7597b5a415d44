"""A game in balance: players wait while they are too far ahead."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol, Unpack

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..batches import Images
from ..clock import Clock
from ..core import Agree, Judge, Judged, Move, Objective, Turn
from ..errors import require
from ..fitting import check_fit, is_decision_boundary
from ..parts import CURRENT_SHARD
from ..parts.replay import Replay
from .adversarial import Adversarial
from .slots import Slots
from .terms import critic_input, weighted_terms


class Gate(Protocol):
    """Who may learn now: the critic from reals, the critic from fakes, the generator."""

    @property
    def boundary(self) -> float: ...  # the score above which a sample is taken for real
    def observe(self, real: Tensor, fake: Tensor) -> Tensor: ...  # of the scores of a batch: means, (n,)
    def decide(self, mean: Tensor, before: Tensor) -> Tensor: ...  # those of the whole batch; (3,) bool, twice


@dataclass(frozen=True)
class AccuracyGate:
    """The critic stops learning from a class as soon as it is right about this share of it. A lecture's rule of thumb.

    It is no equilibrium's: a critic that is held at chance is not p / (p + q), and tells the generator little.
    """

    threshold: float = 0.5  # a class is closed at this accuracy, or a better one
    hysteresis: float = 0.0  # and opened again below the threshold less this
    boundary: float = 0.0  # the score above which a sample is taken for real: 0.5 for LeastSquares with targets 0 and 1

    def __post_init__(self) -> None:
        level, slack = self.threshold, self.hysteresis
        require(0 < level <= 1, f"AccuracyGate's threshold is {level}, but an accuracy lies above 0 and up to 1")
        require(0 <= slack < level, f"AccuracyGate's hysteresis is {slack}, but should be from 0 to below {level}")

    def observe(self, real: Tensor, fake: Tensor) -> Tensor:
        return torch.stack([(real > self.boundary).to(real).mean(), (fake < self.boundary).to(fake).mean()])

    def decide(self, mean: Tensor, before: Tensor) -> Tensor:
        weak, strong = mean < self.threshold - self.hysteresis, mean >= self.threshold
        classes = weak | before[:2] & ~strong
        return torch.cat([classes, torch.ones_like(before[2:])])


@dataclass(frozen=True)
class EquilibriumGate:
    """A player waits while the critic's cross-entropy says that it is far ahead. The code of Larsen et al. 2016."""

    level: float = 0.68  # the critic's cross-entropy where neither is ahead; chance is log 2
    margin: float = 0.35  # the critic waits below the level less this, the generator above the level plus this
    boundary: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        require(self.level > 0, f"EquilibriumGate's level is {self.level}, but a cross-entropy is above 0")
        require(self.margin >= 0, f"EquilibriumGate's margin is {self.margin}, but should be 0 or more")

    def observe(self, real: Tensor, fake: Tensor) -> Tensor:
        return torch.stack([softplus(-real).mean(), softplus(fake).mean()])

    def decide(self, mean: Tensor, before: Tensor) -> Tensor:
        critic, generator = (mean >= self.level - self.margin).all(), (mean <= self.level + self.margin).all()
        both = ~(critic | generator)  # if both would wait, both move
        return torch.stack([critic | both, critic | both, generator | both])


def check_boundary(gate: Gate, objective: Objective, critic: nn.Module) -> None:
    """Refuse a gate that would look at scores which do not part reals from fakes where it thinks."""
    where = f"{type(gate).__name__}: under {type(objective).__name__}, the score {gate.boundary}"
    require(is_decision_boundary(objective, critic, gate.boundary), f"{where} parts no reals from fakes here; give one "
            "that does, or an objective that has one, such as NonSaturating()")  # fmt: skip


class Gated(Adversarial):
    """Adversarial with a gate. The critic's penalties go on as long as it may learn from either class."""

    open: Tensor

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        gate: Gate = AccuracyGate(),
        **slots: Unpack[Slots],
    ) -> None:
        super().__init__(generator, critic, latent, **slots)
        check_boundary(gate, self.objective, critic)
        check_fit(self, gate)
        self.gate = gate
        self.register_buffer("open", torch.ones(3, dtype=torch.bool))
        self.learning: list[bool] | None = None  # what `open` holds, once the round has decided: a device is asked once

    def critic_turn(self, judge: Judge, batch: Images, fake: Tensor) -> Generator[Turn, None, tuple[Judged, Judged]]:
        replay = Replay(self.critic) if CURRENT_SHARD.get().accumulates else None
        with torch.set_grad_enabled(replay is None):
            real, made = self.judge_both(judge, batch, fake)
        yield Agree(self.decide, self.gate.observe(real.score.detach(), made.score.detach()))
        from_reals, from_fakes, _ = self.who_learns()
        if from_reals or from_fakes:  # or nothing is yielded: Adam moves even on a gradient of zeros
            if replay:
                with replay.again():
                    real, made = self.judge_both(judge, batch, fake)
            scores = (s if learn else s.detach() for s, learn in ((real.score, from_reals), (made.score, from_fakes)))
            loss = self.objective.critic(*scores)
            move = Move(self.critic, adversarial=loss, **weighted_terms(self.penalties, judge, real, made))
            real, made = real.detach(), made.detach()  # a class that is closed needs no graph while other parts play
            del loss, scores
            yield move
        return real, made

    def judge_both(self, judge: Judge, batch: Images, fake: Tensor) -> tuple[Judged, Judged]:
        x, x_fake = (critic_input(sample, self.penalties, judge.clock) for sample in (batch.image, fake))
        return judge(x), judge(x_fake)

    def generator_turn(self, judge: Judge, batch: Images, fake: Tensor) -> Iterator[Turn]:
        if self.who_learns()[2]:
            yield from super().generator_turn(judge, batch, fake)

    def decide(self, mean: Tensor) -> None:
        self.open.copy_(self.gate.decide(mean, self.open))
        self.learning = None

    def who_learns(self) -> list[bool]:
        """The critic from reals, the critic from fakes, the generator: as was decided last."""
        if self.learning is None:
            self.learning = self.open.tolist()
        return self.learning

    def phase(self, clock: Clock) -> None:
        return None  # it decides from data
