"""What fills the slots of a game, and what does not fit there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from ..clock import value_range
from ..core import (
    Constraint,
    Number,
    Objective,
    Penalties,
    Penalty,
    Prior,
    View,
    Views,
    check_range,
    is_energy,
    part_name,
    require,
    required_conditions,
)
from ..layers.augment import ADAMemory
from ..layers.minibatch import MinibatchDiscrimination
from ..objectives import Energy
from ..objectives.around import innermost_objective, is_critic_alone
from ..penalties import Classification

MAX_MOVES = 100_000  # of one player in a round
BATCH_MIXING_LAYERS = (_BatchNorm, MinibatchDiscrimination)


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


def check_energy(objective: Objective, critic: nn.Module) -> None:
    """Refuse energies without a floor: a critic shifts them below any margin for nothing, so that none is left."""
    floor = not isinstance(innermost_objective(objective), Energy) or is_energy(critic)
    require(floor, "Energy needs a critic whose scores are minus an energy, never above 0, but this one's may be "
            "anything; give networks that autoencode, DenseAutoencoding() or Autoencoding()")  # fmt: skip


def check_no_classification(penalties: tuple[Penalty, ...]) -> None:
    """Refuse to have the class named where the critic's condition is an opponent, not a label."""
    naming = any(isinstance(penalty, Classification) for penalty in penalties)
    require(not naming, "Turing shows its critic opponents and no labels, so Classification has nothing to go by; "
            "leave it out")  # fmt: skip


def check_generator_signal(objective: Objective, penalties: tuple[Penalty, ...]) -> None:
    """Refuse a generator that would learn from nothing."""
    unheard = is_critic_alone(objective) and not penalties
    require(not unheard, "CriticAlone tells the generator nothing; give --generator-penalties FeatureMatching()")


def check_stochastic(critic: nn.Module, penalties: tuple[Penalty, ...], views: tuple[View, ...]) -> None:
    """Refuse to compare two looks at one sample where both are the same: nothing is left to chance between them."""
    chance = bool(views) or any(isinstance(layer, _DropoutNd) and layer.p > 0 for layer in critic.modules())
    for penalty in penalties:
        looks = getattr(penalty, "compares_looks", False)
        why = f"{type(penalty).__name__} compares two looks at a sample, which are the same without dropout or noise"
        require(chance or not looks, f'{why}; give --networks "Dropped(...)", or --views "Noise(0.1)"')


def check_no_batch_mixing(critic: nn.Module, penalties: tuple[Penalty, ...]) -> None:
    """Refuse slopes where a layer makes each score depend on every sample (Gulrajani et al. 2017, section 4)."""
    mixers = [type(layer).__name__ for layer in critic.modules() if isinstance(layer, BATCH_MIXING_LAYERS)]
    alike = mixers[:1] == [MinibatchDiscrimination.__name__]
    way = "give networks without " + ("MinibatchDiscriminating" if alike else "it, such as Convolutional(normal=False)")
    for penalty in penalties:
        name = part_name(penalty)
        why = f"{name} asks for each score's slope at its own sample, but the critic's {''.join(mixers[:1])} mixes all"
        require(not mixers or penalty.input_grad == "nowhere", f"{why}; {way}")


def check_sign(views: tuple[View, ...], objective: Objective, critic: nn.Module) -> None:
    """Refuse to count the reals above a score that tells nothing."""
    for view in views:
        boundary = view.value.boundary if isinstance(view, ADAMemory) else None
        why = (
            f"ADA counts the reals that are scored above {boundary}, a score that does not tell reals from fakes under"
        )
        require(boundary is None or is_decision_boundary(objective, critic, boundary),
                f"{why} {type(objective).__name__} here; give "
                "Augment(0.3), whose strength is fixed, or ADA(boundary=...) where there is such a score "
                "(0.5 for LeastSquares())")  # fmt: skip


def is_decision_boundary(objective: Objective, critic: nn.Module, boundary: float) -> bool:
    """At this score, does the critic's loss push reals up and fakes down, and does it matter where zero is?

    No score of a critic whose scores are minus an energy is above 0.
    """
    with torch.inference_mode(False), torch.enable_grad():
        real, fake = (torch.full((2,), float(boundary), device="cpu", requires_grad=True) for _ in range(2))
        loss = objective.critic(real, fake)
        fixed = any(not torch.isclose(loss, objective.critic(real + by, fake + by)) for by in (-16, 16))
        up, down = torch.autograd.grad(loss, (real, fake))
    reached = boundary < 0 or not is_energy(critic)
    return fixed and reached and bool((up < 0).all() and (down > 0).all())
