"""Penalties and views at work in a game: which are due, what they weigh, where they want slopes, what they learn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import Tensor

from ..clock import Clock, factor_at
from ..core import Agree, Judge, Judged, Memory, Penalty, Turn, as_leaf, named_parts


def weighted_terms(penalties: tuple[Penalty, ...], judge: Judge, real: Judged, fake: Judged) -> dict[str, Tensor]:
    """The penalties that are due, weighted; the second of a kind is called by its number."""
    terms = {}
    for name, penalty in named_parts(penalties):
        if is_due(penalty, judge.clock):
            terms[name] = factor_at(penalty.weight, judge.clock, penalty.every) * penalty(judge, real, fake)
    return terms


def is_due(penalty: Penalty, clock: Clock) -> bool:
    return is_nth_round(penalty.every, clock)


def is_nth_round(every: int, clock: Clock) -> bool:
    """The first of so many rounds, over and over?"""
    return clock.read(lambda now: now.round % every == 0)


def update_memories(parts: Iterable[object], real: Judged, fake: Judged) -> Iterator[Turn]:
    """Let every part that remembers learn from what was just judged: `yield from hear(...)`."""
    for part in parts:
        if isinstance(part, Memory):
            yield Agree(part.update, part.observe(real, fake).detach())


def critic_input(sample: Tensor, penalties: tuple[Penalty, ...], clock: Clock) -> Tensor:
    """Samples for a critic's move: leaves if a penalty that is due asks for slopes there, else only cut."""
    return as_leaf(sample) if needs_input_grad(penalties, clock) else sample.detach()


def needs_input_grad(penalties: tuple[Penalty, ...], clock: Clock) -> bool:
    """Does one that is due ask for slopes at the very samples that are judged?"""
    return any(p.input_grad == "samples" and is_due(p, clock) for p in penalties)
