"""A thread that does in order what will be wanted soon: batches are at hand before they are asked for."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Generic, TypeVar

R = TypeVar("R")


class Job(Generic[R]):
    """Work that a thread does, unless this object is gone by then, and so nobody waits for it any more."""

    def __init__(self, pool: ThreadPoolExecutor, work: Callable[[], R]) -> None:
        self.work = work
        self.done = pool.submit(do_if_wanted, weakref.ref(self))

    def __call__(self) -> R:
        """What came of it; raises what the work raised, for whoever wants it and nobody else."""
        result = self.done.result()
        assert result is not None, "it was there, and so its work was done"
        return result


def do_if_wanted(wanted: weakref.ref[Job[R]]) -> R | None:
    job = wanted()
    return None if job is None else job.work()


class Prefetch:
    """One thread, begun with the first job; it ends with this object."""

    @cached_property
    def pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, "saddle-feed")

    def begin(self, work: Callable[[], R]) -> Job[R]:
        """Have this done after all that was begun before."""
        return Job(self.pool, work)
