"""What is said to a terminal: names are shown as they are only where that is safe."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress

from ..errors import escape_unprintable, shorten_text


def print_output(*paragraphs: object) -> None:
    """What was asked for, on the output, with an empty line between paragraphs."""
    text = "\n\n".join(map(str, paragraphs))
    print("\n".join(map(escape_unprintable, text.split("\n"))), flush=True)


def print_message(sentence: object) -> None:
    """What a person should read, in one line, on the error output."""
    with suppress(OSError, ValueError):  # nobody reads it
        print(escape_unprintable(shorten_text(sentence)), file=sys.stderr, flush=True)


def tell_waiting(sentence: str, quiet: bool = False) -> None:
    """Say how threads wait, where that is not as usual; of several processes the first does."""
    if sentence and not quiet and os.environ.get("RANK", "0") == "0":
        print_message(sentence)


def open_streams() -> None:
    """Nothing that is said can fail for want of a character in the terminal's encoding, or of a terminal."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # it was closed
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for as long as the process lives
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def close_output() -> None:
    """Whoever read the output has gone, or its disk is full: what it still holds goes nowhere, in silence."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
