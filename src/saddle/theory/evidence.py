"""What a demonstration hands over: numbers beside what they should be, and a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure


class Fact(NamedTuple):
    """A number that was measured, what the theory says of it, and whether they agree."""

    what: str
    measured: str
    theory: str
    holds: bool


class Demonstration(NamedTuple):
    facts: tuple[Fact, ...]
    picture: Figure

    @property
    def holds(self) -> bool:
        return all(fact.holds for fact in self.facts)


def expect_close(what: str, measured: float | complex, theory: float | complex, within: float) -> Fact:
    """Equal to a closed form, but for so much; both are shown to that many decimals and one more."""
    places = max(1 - math.floor(math.log10(within)), 0)
    shown, due = (format_decimals(value, places) for value in (measured, theory))
    return Fact(what, shown, f"{due} +- {within:.0e}", abs(measured - theory) <= within)


def expect_above(what: str, measured: float, bound: float) -> Fact:
    return Fact(what, f"{measured:.3g}", f"above {bound:g}", measured > bound)


def expect_below(what: str, measured: float, bound: float) -> Fact:
    return Fact(what, f"{measured:.3g}", f"below {bound:g}", measured < bound)


def expect_between(what: str, measured: float, low: float, high: float) -> Fact:
    return Fact(what, f"{measured:.4g}", f"{low:g} to {high:g}", low <= measured <= high)


def format_decimals(value: float | complex, places: int) -> str:
    """One of a conjugate pair is shown as the pair; there is no minus zero."""
    real = f"{round(value.real, places) + 0:.{places}f}"
    return f"{real} +- {abs(value.imag):.{places}f}i" if abs(value.imag) > 10**-places else real


def describe_facts(facts: Sequence[Fact]) -> str:
    """The facts as aligned lines, and a verdict on all of them."""
    rows = [("", "measured", "theory", ""), *((*fact[:3], "" if fact.holds else "NO") for fact in facts)]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    lines = [
        "  ".join((*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[3])).rstrip() for row in rows
    ]
    wrong = sum(not fact.holds for fact in facts)
    verdict = f"all {len(facts)} agree" if not wrong else f"{wrong} of {len(facts)} do not agree"
    return "\n".join([*lines, "", verdict])
