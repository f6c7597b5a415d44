"""Work that is asked to stop, with Ctrl-C or by the machine that is about to end it."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any

PATIENCE = (120.0, 10.0)  # seconds in which a process saves what it did; in which it ends without
HANGUP = getattr(signal, "SIGHUP", None)  # the terminal has gone; not on Windows
BREAK = getattr(signal, "SIGBREAK", None)  # what one process of Windows can send another that is to save and end
USERS = tuple(getattr(signal, name) for name in ("SIGUSR1", "SIGUSR2") if hasattr(signal, name))  # not on Windows
SCHEDULERS = (signal.SIGTERM, *USERS)  # what Slurm, Kubernetes and torchrun send before they kill
STOPS = tuple(filter(None, (signal.SIGINT, signal.SIGTERM, HANGUP, BREAK, *USERS)))
AT_ONCE = 2.0  # seconds in which signals are one: what they end has that long to tidy up after itself
SOON = 0.02  # seconds after which a signal that found a module being imported comes again
IMPORTS = "<frozen importlib._bootstrap>"


Handler = Callable[[int, FrameType | None], None]


class ForcedStop(KeyboardInterrupt):
    """Work ends at once, wherever it stands."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class WorkAbandoned(Exception):
    """Work that can be taken up again later was left at a place that suits it."""


class Signals:
    """The first signal of STOPS is remembered as `number`, and `heard` is called; a second one raises ForcedStop.

    A second SIGHUP does not: shells and systems send it more than once, and after SIGTERM. Nor does what a scheduler
    sends after something else of its own, as SIGTERM at the end of the time that SIGUSR1 told of; nor the same again
    just after: whoever stops all processes of a job stops torchrun too, which passes it on, as `timeout` does.
    """

    number = 0  # 0: none has come
    since = 0.0  # when it came

    def __init__(self, heard: Callable[[], object] = lambda: None) -> None:
        self.heard, self.seen = heard, set[int]()

    @property
    def waiting(self) -> float:
        """Seconds since the first one came; 0 if none has."""
        return time.monotonic() - self.since if self.number else 0.0

    @contextmanager
    def remember_signals(self) -> Iterator[None]:
        """Signals are remembered in here; elsewhere than in the main thread none can be."""

        end = End()

        def ask(number: int, frame: FrameType | None) -> None:
            if not self.number:
                self.number, self.since = number, time.monotonic()
                self.heard()
            elif number != HANGUP and not self.is_passed_on(number):
                end(number, frame)
            self.seen.add(number)

        with handle_signals(ask):
            yield

    def is_passed_on(self, number: int) -> bool:
        """Does a scheduler say again what it has said?"""
        both = number in SCHEDULERS and self.number in SCHEDULERS
        return both and (number not in self.seen or self.waiting < AT_ONCE)

    @contextmanager
    def abandonable(self) -> Iterator[None]:
        """Whoever calls `check_abandoned` in here leaves the work when a signal has come."""
        token = LEFT_ON.set(self)
        try:
            yield
        finally:
            LEFT_ON.reset(token)


LEFT_ON: ContextVar[Signals | None] = ContextVar("left on", default=None)


def check_abandoned() -> None:
    """Here long work may be left: Abandoned if that was asked for, and the work can be taken up again."""
    signals = LEFT_ON.get()
    if signals and signals.number:
        raise WorkAbandoned


class End:
    """Raises Ended on a signal; not on those that come with it, or in haste after it, while files are tidied away.

    While a module is imported nothing is raised, for libraries swallow it there, raise something else or abort: the
    signal comes again when that is done, or goes to `leave`, which ends the process.
    """

    last = -AT_ONCE

    def __init__(self, leave: Handler | None = None) -> None:
        self.depth, self.leave = len(importing(sys._getframe())), leave

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now, inside = time.monotonic(), len(importing(frame)) > self.depth
        if inside and self.leave:
            self.leave(number, frame)
        elif inside:
            threading.Timer(SOON, signal.raise_signal, [number]).start()
        elif now - self.last >= AT_ONCE:
            self.last = now
            raise ForcedStop(number)


def importing(frame: FrameType | None) -> list[FrameType]:
    """The frames of the import system, of all that called a frame."""
    return [at for at, _ in traceback.walk_stack(frame) if at.f_code.co_filename == IMPORTS]


@contextmanager
def handle_signals(handler: Handler) -> Iterator[None]:
    """The signals go to this handler in here, where that is possible: in the main thread.

    A SIGHUP that is ignored, as by `nohup`, stays so; so does what a user's program does at SIGUSR1 or SIGUSR2.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {}
    for number in STOPS:
        old = signal.getsignal(number)  # None: of whoever has Python in a program of his own
        if old is not None and (number, old) != (HANGUP, signal.SIG_IGN) and not (number in USERS and is_users(old)):
            before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def is_users(handler: Any) -> bool:
    """Has somebody else than this library something to do at a signal?"""
    ours = str(getattr(handler, "__module__", "")).partition(".")[0] == __name__.partition(".")[0]
    return handler != signal.SIG_DFL and not ours


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


def stop_on_signal(leave: Handler | None = None) -> AbstractContextManager[None]:
    """In here the signals end the work at once, as Ctrl-C alone does in Python, so that nothing half done is left."""
    return handle_signals(End(leave))
