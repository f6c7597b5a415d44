"""Sentences that are said while work goes on: to whom is the caller's choice."""

from __future__ import annotations

import sys
from collections.abc import Callable

Notify = Callable[[str], object]


def notify_nobody(sentence: str) -> None:
    """Nobody listens."""


def warn_on_stderr(sentence: str) -> None:
    print(f"warning: {sentence}", file=sys.stderr, flush=True)
