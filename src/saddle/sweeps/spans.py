"""Ranges as they are written behind --vary: `1e-5..1e-3 log`, `1..5`; what a search draws its values from."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import require
from ..options import count

NUMBER = r"-?\d*\.?\d+(?:e[-+]?\d+)?[km]?"
RANGE = re.compile(rf"({NUMBER})\s*\.\.\s*({NUMBER})(\s+log)?", re.IGNORECASE)
STEPS = 1000  # so finely, at least, is a range that is not logarithmic told apart
DIGITS = 3  # of a value from a logarithmic one


@dataclass(frozen=True)
class Span:
    """All numbers from one to another, both included; whole ones alone where both are written so."""

    low: float
    high: float
    log: bool  # are all orders of magnitude as likely?

    @property
    def whole(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def count(self) -> float:
        """How many values there are to try."""
        return self.high - self.low + 1 if self.whole else math.inf

    @property
    def probes(self) -> tuple[str, str, str]:
        """Both ends, and a value of no particular roundness between them."""
        between = self.low + 0.618 * (self.high - self.low)
        return str(self.low), self.written(between), str(self.high)

    def written(self, value: float) -> str:
        """A value with no more digits than matter."""
        if self.whole:
            return str(int(value))
        scale = abs(value) / 10 ** (DIGITS - 1) if self.log else (self.high - self.low) / STEPS
        return str(min(max(round(float(value), -math.floor(math.log10(scale))), self.low), self.high))

    def read(self, text: str) -> float:
        return int(text) if self.whole else float(text)


Space = Span | tuple[str, ...]  # what may be tried for one option: a range, or these texts


def spanned(text: str, name: str) -> Span | None:
    """The range that is written here, if one is; Mistake for one that cannot be drawn from."""
    match = RANGE.fullmatch(text.strip())
    if match is None:
        return None
    span = Span(number(match[1]), number(match[2]), match[3] is not None)
    require(span.low < span.high, f"--vary {name} is the range {text}, which should rise from its first number")
    require(span.low > 0 or not span.log, f"--vary {name} is the range {text}, but log needs numbers above 0")
    return span


def number(text: str) -> float:
    """Whole if it is written so: 20 or 20k, not 20.0 or 2e1."""
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return count(text) if text[-1] in "kKmM" else float(text)


def spaces(vary: Mapping[str, Sequence[str]]) -> dict[str, Space]:
    """What may be tried for each option; Mistake for a range in a list."""
    found: dict[str, Space] = {}
    for name, texts in vary.items():
        spans = [span for text in texts if (span := spanned(text, name))]
        require(not spans or len(texts) == 1, f"--vary {name} has a range among other values; give one or the other")
        found[name] = spans[0] if spans else tuple(texts)
    return found


def chooses(space: Space, text: str) -> bool:
    """Is this one of the values that may be tried?"""
    if not isinstance(space, Span):
        return text in space
    fits = re.fullmatch(r"-?\d{1,18}" if space.whole else r"-?\d*\.?\d+(e[-+]?\d+)?", text) is not None
    return fits and space.low <= space.read(text) <= space.high
