"""Sentences that are said while work goes on: to whom is the caller's choice."""

from __future__ import annotations

import sys
from collections.abc import Callable

Notify = Callable[[str], object]


def notify_nobody(sentence: str) -> None:
    """Nobody listens."""


class Notes:
    """Sentences for whoever listens, each once: before anybody does, they wait."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.listener: Notify | None = None

    def add(self, sentence: str) -> None:
        if sentence not in self.told:
            self.told.append(sentence)
            if self.listener:
                self.listener(sentence)

    def listen(self, listener: Notify) -> None:
        """Hear what was said so far, and what will be."""
        self.listener = listener
        for sentence in self.told:
            listener(sentence)


def warn_on_stderr(sentence: str) -> None:
    print(f"warning: {sentence}", file=sys.stderr, flush=True)
