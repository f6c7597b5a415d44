"""What one answer may take, and how a refusal reaches a page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGINT
from typing import Any

from ..errors import Failure, Mistake, escape_unprintable
from ..reports.markup import html_tag
from ..training.signals import Signals, WorkAbandoned

# events that are answered at once: no queue stands before them, whose messages take longer than a small picture, and
# a page asks again only when it was answered, with what it shows then
FASTEST: dict[str, Any] = {"show_progress": "hidden", "trigger_mode": "always_last", "queue": False}
REFUSED = (Mistake, Failure, OSError)  # what is said on the page, and does not end it
ROOM = threading.BoundedSemaphore(4)  # answers without a queue that are worked out at a time


@contextmanager
def few_at_a_time() -> Iterator[None]:
    """Whatever many visitors ask, a few answers share the machine, and the others wait."""
    with ROOM:
        yield


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Searches in here are left when they have taken so long; Mistake then."""
    signals = Signals()
    timer = threading.Timer(seconds, lambda: setattr(signals, "number", SIGINT))
    timer.daemon = True
    timer.start()
    try:
        with signals.abandonable():
            yield
    except WorkAbandoned:
        raise Mistake(f"this was not done after {seconds:g} s, the most that one answer may take here; ask for fewer "
                      "steps") from None  # fmt: skip
    finally:
        timer.cancel()


def refusal(sentence: object) -> str:
    """Why something was not done, as a page shows it."""
    return html_tag("p", escape_unprintable(str(sentence)), class_="note", role="status")


def as_note(sentence: str) -> str:
    """A refusal, or nothing where there is none."""
    return refusal(sentence) if sentence else ""
