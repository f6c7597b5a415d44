"""A part refuses for itself: what it is asked when a game is made, and what it may look at there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, cast, runtime_checkable

import torch
from torch import nn

from .core import Objective, Penalty, View, is_energy, part_name
from .errors import require


class FilledGame(Protocol):
    """A game with all its slots filled, as its parts see it; what remembers something is a memory there already."""

    generator: nn.Module
    critic: nn.Module
    objective: Objective
    penalties: tuple[Penalty, ...]  # the critic's
    generator_penalties: tuple[Penalty, ...]
    views: tuple[View, ...]

    @property
    def shows_opponent(self) -> bool: ...  # is the critic's condition the opponent of each sample, and not its label?


@runtime_checkable
class Fits(Protocol):
    """A part that does not go into every game: a value in a slot, a pair of networks, or a layer of one."""

    def fits(self, game: FilledGame) -> None: ...  # raises Mistake, with what to give instead


def check_fit(game: FilledGame, *parts: object) -> None:
    """Ask each part, and first all that it is made of, whether it fits; raises Mistake where one does not."""
    for part in parts:
        for inner in part.modules() if isinstance(part, nn.Module) else made_of(part):
            if isinstance(inner, Fits):
                answer = cast(Callable[[FilledGame], object], inner.fits)(game)
                require(answer is None, f"the fits of {part_name(inner)} returned {answer!r}, but should return "
                        "nothing, or raise saddle.errors.Mistake with what to give instead")  # fmt: skip


def made_of(part: object) -> Iterator[object]:
    """What an objective made of objectives, or a pair made of pairs, is made of, from the inside out; then itself."""
    for name in ("base", "generator_of", "critic_of"):
        if (inner := getattr(part, name, None)) is not None:
            yield from made_of(inner)
    yield part


def check_no_slopes(game: FilledGame, mixer: nn.Module, instead: str) -> None:
    """Refuse slopes where a layer makes each score depend on every sample (Gulrajani et al. 2017, section 4)."""
    asking = (penalty for penalty in game.penalties if penalty.input_grad != "nowhere")
    for penalty in asking if any(layer is mixer for layer in game.critic.modules()) else ():
        require(False, f"{part_name(penalty)} asks for each score's slope at its own sample, but the critic's "
                f"{type(mixer).__name__} mixes all; give networks without {instead}")  # fmt: skip


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
