"""What is shown while work goes on, to whoever looks: nobody has to."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any, TextIO, cast


class Enduring:
    """A stream that may be closed on its other side, or full: what is written then goes nowhere, and work goes on."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self.stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def output() -> TextIO:
    return cast(TextIO, Enduring(sys.stdout))


def errors() -> TextIO:
    return cast(TextIO, Enduring(sys.stderr))
