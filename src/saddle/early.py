"""A process of saddle's own that is asked to stop before there is any work, or when all of it is done."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGBREAK")  # the last on Windows alone, which has few


def leave(number: int, frame: object) -> None:
    """Say so, and end at once: there is nothing to tidy up, and Python would answer with a traceback."""
    os.write(2, b"saddle: interrupted\n" * (os.environ.get("LOCAL_RANK", "0") == "0"))
    os._exit(128 + number)


def guarded(main: Callable[[], int]) -> int:
    """Call the command line; from here to the end of the process no signal is answered with a traceback."""
    known = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    numbers = [number for number in known if signal.getsignal(number) != signal.SIG_IGN]
    for number in numbers:
        signal.signal(number, leave)
    code = main()
    for number in numbers:  # all is said: whoever is in haste leaves what Python still has to clear away
        signal.signal(number, lambda number, frame: os._exit(code))
    return code
