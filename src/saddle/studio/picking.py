"""Which samples of a sheet a visitor has picked, and what for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

Mode = Literal["directions", "walk", "sum", "mix"]
ROLES = ("these", "minus", "plus")


@dataclass(frozen=True)
class Picks:
    """Places on the sheet, from 0."""

    one: int = 0  # that is moved along directions
    pair: tuple[int, ...] = ()  # that a walk joins, or whose styles are mixed: two at most
    these: tuple[int, ...] = ()
    minus: tuple[int, ...] = ()
    plus: tuple[int, ...] = ()


def pick_place(picks: Picks, mode: Mode, role: str, place: int) -> Picks:
    """The picks after a click on a sample: of a third one for a pair, it begins a new pair; a second one undoes."""
    if mode == "directions":
        return replace(picks, one=place)
    if mode in ("walk", "mix"):
        return replace(picks, pair=(place,) if len(picks.pair) != 1 else (*picks.pair, place))
    if role not in ROLES:
        return picks
    own: tuple[int, ...] = getattr(picks, role)
    changed = tuple(one for one in own if one != place) if place in own else (*own, place)
    others: dict[str, Any] = {
        name: tuple(one for one in getattr(picks, name) if one != place) for name in ROLES if name != role
    }
    return replace(picks, **(others | {role: changed}))


def describe_picks(picks: Picks, mode: Mode) -> dict[str, tuple[int, ...]]:
    """What stands on each picked sample."""
    if mode == "directions":
        return {"moved": (picks.one,)}
    if mode in ("walk", "mix"):
        names = ("from", "to") if mode == "walk" else ("all of this", "with layers of")
        found: dict[str, tuple[int, ...]] = {}
        for name, place in zip(names, picks.pair, strict=False):
            found[name] = (place,)
        return found
    return {name: getattr(picks, name) for name in ROLES}
