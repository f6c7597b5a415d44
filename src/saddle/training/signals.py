"""Work that is asked to stop, with Ctrl-C or by the machine that is about to end it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


class Signals:
    """The first SIGINT or SIGTERM is remembered as `number`, and `heard` is called; a second one is not waited for."""

    number = 0  # 0: none has come

    def __init__(self, heard: Callable[[], object] = lambda: None) -> None:
        self.heard = heard

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Signals are remembered in here; elsewhere than in the main thread none can be."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(number: int, frame: FrameType | None) -> None:
            self.number = number
            signal.signal(number, before[signal.Signals(number)])
            self.heard()

        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
