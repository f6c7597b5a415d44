"""A progress bar for what takes long, where somebody is watching."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from ..enduring import errors
from ..notices import Notify

PROGRESS_HIDDEN: ContextVar[bool] = ContextVar("hushed", default=False)


@contextmanager
def hide_progress(quiet: bool) -> Iterator[None]:
    """No bars in here, if it is to be quiet."""
    token = PROGRESS_HIDDEN.set(PROGRESS_HIDDEN.get() or quiet)
    try:
        yield
    finally:
        PROGRESS_HIDDEN.reset(token)


def tell_wait(say: Notify, sentence: str) -> None:
    """Say that something takes long, unless it is to be quiet."""
    if not PROGRESS_HIDDEN.get():
        say(sentence)


@contextmanager
def progress_bar(total: int, title: str) -> Iterator[Callable[[int], None]]:
    """Inside, call it with how many more are done; draws nothing unless the errors go to a terminal."""
    if PROGRESS_HIDDEN.get() or not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=errors()), transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda done: bar.advance(task, done)


def count_cores() -> int:
    """How many this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, cores_of_group(cores))


def cores_of_group(cores: int, file: str = "/sys/fs/cgroup/cpu.max") -> int:
    """How many a container may use at once, which its kernel keeps by the time that they run; of one without bounds
    those that there are.
    """
    try:
        quota, period = Path(file).read_text(encoding="ascii").split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError):
        return cores
