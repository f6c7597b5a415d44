"""Lengths of time as people write them: 20, 20s, 2m, 1h."""

from __future__ import annotations

import re

from .errors import Mistake

Seconds = float | str  # 20, "20s", "2m", "1h"
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def written_seconds(time: object, name: str) -> float:
    """A length of time as it is kept, in seconds; raises Mistake for what is none."""
    match = re.fullmatch(r"(\d{1,9}(?:\.\d*)?(?:e-?\d{1,2})?)([smh]?)", str(time).strip().lower())
    if match is None or isinstance(time, bool):
        raise Mistake(f"{name} is {time!r}, but should be a length of time: 20s, 2m or 1h")
    return float(match[1]) * UNITS[match[2]]
