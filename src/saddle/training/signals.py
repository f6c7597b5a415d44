"""Work that is asked to stop, with Ctrl-C or by the machine that is about to end it."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from types import FrameType

BOTH = (signal.SIGINT, signal.SIGTERM)
PATIENCE = (120.0, 10.0)  # seconds in which a process saves what it did; in which it ends without


class Ended(KeyboardInterrupt):
    """Work ends at once, wherever it stands."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Abandoned(Exception):
    """Work that can be taken up again later was left at a place that suits it."""


class Signals:
    """The first SIGINT or SIGTERM is remembered as `number`, and `heard` is called; a second one raises Ended."""

    number = 0  # 0: none has come
    since = 0.0  # when it came

    def __init__(self, heard: Callable[[], object] = lambda: None) -> None:
        self.heard = heard

    @property
    def waiting(self) -> float:
        """Seconds since the first one came; 0 if none has."""
        return time.monotonic() - self.since if self.number else 0.0

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Signals are remembered in here; elsewhere than in the main thread none can be."""

        def ask(number: int, frame: FrameType | None) -> None:
            self.number, self.since = number, time.monotonic()
            for each in BOTH:
                signal.signal(each, end)
            self.heard()

        with handled(ask):
            yield

    @contextmanager
    def abandonable(self) -> Iterator[None]:
        """Whoever calls `heed` in here leaves the work when a signal has come."""
        token = LEFT_ON.set(self)
        try:
            yield
        finally:
            LEFT_ON.reset(token)


LEFT_ON: ContextVar[Signals | None] = ContextVar("left on", default=None)


def heed() -> None:
    """Here long work may be left: Abandoned if that was asked for, and the work can be taken up again."""
    signals = LEFT_ON.get()
    if signals and signals.number:
        raise Abandoned


def end(number: int, frame: FrameType | None) -> None:
    raise Ended(number)


@contextmanager
def handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Both signals go to this handler in here, where that is possible: in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in BOTH}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def end_with_parent() -> None:
    """When the process that began this one is killed, this one is asked to stop, as by SIGTERM; then made to."""
    parent = mp.parent_process()
    if parent is None:
        return

    def follow() -> None:
        parent.join()
        for seconds in PATIENCE:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(seconds)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=follow, daemon=True).start()


def ending() -> AbstractContextManager[None]:
    """In here both signals end the work at once, as Ctrl-C alone does in Python, so that nothing half done is left."""
    return handled(end)
