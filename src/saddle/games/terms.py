"""Penalties and views at work in a game: which are due, what they weigh, where they want slopes, what they learn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import Tensor

from ..core import Agree, Clock, Judge, Judged, Memory, Penalty, Turn, at, leaf, numbered


def weigh(penalties: tuple[Penalty, ...], judge: Judge, real: Judged, fake: Judged) -> dict[str, Tensor]:
    """The penalties that are due, weighted; the second of a kind is called by its number."""
    terms = {}
    for name, penalty in numbered(penalties):
        if due(penalty, judge.clock):
            terms[name] = penalty.every * at(penalty.weight, judge.clock) * penalty(judge, real, fake)
    return terms


def due(penalty: Penalty, clock: Clock) -> bool:
    return clock.round % penalty.every == 0


def hear(parts: Iterable[object], real: Judged, fake: Judged) -> Iterator[Turn]:
    """Let every part that remembers learn from what was just judged: `yield from hear(...)`."""
    for part in parts:
        if isinstance(part, Memory):
            yield Agree(part.learn, part.notice(real, fake).detach())


def point(sample: Tensor, penalties: tuple[Penalty, ...], clock: Clock) -> Tensor:
    """Samples for a critic's move: leaves if a penalty that is due asks for slopes there, else only cut."""
    return leaf(sample) if sloped(penalties, clock) else sample.detach()


def sloped(penalties: tuple[Penalty, ...], clock: Clock) -> bool:
    """Does one that is due ask for slopes at the very samples that are judged?"""
    return any(p.slopes == "samples" and due(p, clock) for p in penalties)
