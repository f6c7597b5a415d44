"""What fills the slots of a game, and what does not belong there by its own words; the rest a part says by `fits`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypedDict, runtime_checkable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..clock import Number, check_range, value_range
from ..core import Constraint, Objective, Penalties, Penalty, View, Views, part_name, required_conditions
from ..errors import require
from ..fitting import FilledGame, check_no_slopes
from ..recipe import Prior

MAX_MOVES = 100_000  # of one player in a round


@dataclass(frozen=True)
class Turns:
    """How many moves each player has in one round."""

    critic: Number = 1
    generator: Number = 1

    def __post_init__(self) -> None:
        for who, moves in (("critic", self.critic), ("generator", self.generator)):
            check_range(moves, f"the number of the {who}'s moves in a round", low=1)
            most = max(value_range(moves), default=1)
            require(most <= MAX_MOVES, f"{most:g} moves of the {who} in a round are more than a run can make; "
                                   f"{MAX_MOVES:,} are the most, and papers have 1 to 100")  # fmt: skip
            whole = callable(moves) or moves == int(moves)
            require(whole, f"a round has a whole number of moves of the {who}, not {moves}")


@runtime_checkable
class TakesTurns(Protocol):
    """A game in whose rounds each player has as many moves as these say."""

    turns: Turns


@dataclass(frozen=True)
class Clip:
    """Every weight within [-bound, bound]. Arjovsky et al. 2017, algorithm 1."""

    bound: float = 0.01

    def __post_init__(self) -> None:
        require(self.bound > 0, f"Clip's bound is {self.bound}, but should be above 0")

    @torch.no_grad()
    def __call__(self, player: nn.Module) -> None:
        for p in player.parameters():
            p.clamp_(-self.bound, self.bound)


@dataclass(frozen=True)
class Free:
    """No constraint."""

    def __call__(self, player: nn.Module) -> None:
        pass


class Slots(TypedDict, total=False):
    """What Adversarial takes beside its networks, by name."""

    objective: Objective
    penalties: Penalties
    generator_penalties: Penalties
    views: Views
    prior: Prior
    turns: Turns
    constraint: Constraint


def check_penalty_side(penalties: tuple[Penalty, ...], player: str, other: str) -> None:
    """Refuse what is no penalty, or a term of the other player's loss: it would do nothing here, or the opposite."""
    for penalty in penalties:
        name = part_name(penalty)
        require(isinstance(penalty, Penalty), f"{name} is no term of a loss; give what the critic sees in views")
        require(penalty.loss in (player, "either"), f"{name} is a term of the other player's loss; give it in {other}")


def check_views(views: tuple[View, ...]) -> None:
    """Refuse what is no view: a penalty, or what cannot even be called."""
    for view in views:
        name = part_name(view)
        require(not isinstance(view, Penalty), f"{name} is a term of a loss, not what the critic sees; give it in "
                "penalties")  # fmt: skip
        require(callable(view), f"{name} is not what the critic sees; give views such as Noise(0.1)")


def check_opponent(critic: nn.Module, shown: bool) -> None:
    """Refuse a critic that compares where it is shown no opponent, and one that does not where it is shown one."""
    compares = "opponent" in required_conditions(critic)
    require(compares or not shown, "Turing shows its critic the opponent of each picture, but this critic looks at one "
            "picture alone; give networks made for two, such as Opposed(Convolutional())")  # fmt: skip
    require(shown or not compares, "this critic compares a picture with its opponent, which only the game Turing shows "
            "it; take the recipe t-gan, or networks without Opposed")  # fmt: skip


def check_no_batch_norm(game: FilledGame) -> None:
    """Refuse slopes through torch's layers that mix the samples of a batch; those of one's own say so by `fits`."""
    for layer in game.critic.modules():
        if isinstance(layer, _BatchNorm):
            check_no_slopes(game, layer, "it, such as Convolutional(normal=False)")
