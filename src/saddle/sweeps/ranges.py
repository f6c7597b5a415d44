"""Ranges as they are written behind --vary: `1e-5..1e-3 log`, `1..5`; what a search draws its values from."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..errors import require
from ..options import parse_count

NUMBER_PATTERN = r"-?\d*\.?\d+(?:e[-+]?\d+)?[km]?"
RANGE_PATTERN = re.compile(rf"({NUMBER_PATTERN})\s*\.\.\s*({NUMBER_PATTERN})(\s+log)?", re.IGNORECASE)
LINEAR_STEPS = 1000  # so finely, at least, is a range that is not logarithmic told apart
LOG_DIGITS = 3  # of a value from a logarithmic one


@dataclass(frozen=True)
class Range:
    """All numbers from one to another, both included; whole ones alone where both are written so."""

    low: float
    high: float
    log: bool  # are all orders of magnitude as likely?

    @property
    def is_integer(self) -> bool:
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def count(self) -> float:
        """How many values there are to try."""
        return self.high - self.low + 1 if self.is_integer else math.inf

    @property
    def probes(self) -> tuple[str, str, str]:
        """Both ends, and a value of no particular roundness between them."""
        between = self.low + 0.618 * (self.high - self.low)
        return str(self.low), self.format_value(between), str(self.high)

    def format_value(self, value: float) -> str:
        """A value with no more digits than matter."""
        if self.is_integer:
            return str(int(value))
        scale = abs(value) / 10 ** (LOG_DIGITS - 1) if self.log else (self.high - self.low) / LINEAR_STEPS
        return str(min(max(round(float(value), -math.floor(math.log10(scale))), self.low), self.high))

    def parse_value(self, text: str) -> float:
        return int(text) if self.is_integer else float(text)


SearchSpace = Range | tuple[str, ...]  # what may be tried for one option: a range, or these texts


def parse_range(text: str, name: str) -> Range | None:
    """The range that is written here, if one is; Mistake for one that cannot be drawn from."""
    match = RANGE_PATTERN.fullmatch(text.strip())
    if match is None:
        return None
    span = Range(parse_number(match[1]), parse_number(match[2]), match[3] is not None)
    require(span.low < span.high, f"--vary {name} is the range {text}, which should rise from its first number")
    require(span.low > 0 or not span.log, f"--vary {name} is the range {text}, but log needs numbers above 0")
    return span


def parse_number(text: str) -> float:
    """Whole if it is written so: 20 or 20k, not 20.0 or 2e1."""
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return parse_count(text) if text[-1] in "kKmM" else float(text)


def parse_spaces(vary: Mapping[str, Sequence[str]]) -> dict[str, SearchSpace]:
    """What may be tried for each option; Mistake for a range in a list."""
    found: dict[str, SearchSpace] = {}
    for name, texts in vary.items():
        spans = [span for text in texts if (span := parse_range(text, name))]
        require(not spans or len(texts) == 1, f"--vary {name} has a range among other values; give one or the other")
        found[name] = spans[0] if spans else tuple(texts)
    return found


def is_in_space(space: SearchSpace, text: str) -> bool:
    """Is this one of the values that may be tried?"""
    if not isinstance(space, Range):
        return text in space
    fits = re.fullmatch(r"-?\d{1,18}" if space.is_integer else r"-?\d*\.?\d+(e[-+]?\d+)?", text) is not None
    return fits and space.low <= space.parse_value(text) <= space.high
