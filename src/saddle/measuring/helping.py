"""`torchrun -m saddle measure`: the first process takes the figures, and the others do a share of what takes long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

import torch.distributed as dist

from ..training.together import wait_for_first

LEADS: ContextVar[bool] = ContextVar("leads", default=False)  # do other processes wait for shares of work?


class Share(Protocol):
    """What each of the other processes does at once, when the first one asks for it; it is sent as a pickle."""

    def __call__(self) -> None: ...


@contextmanager
def leading() -> Iterator[None]:
    """The first process, in here, may ask the others, who are in `help_first`; those are free at its end.

    Where it ends by a fault they hear of that as of any process that has ended.
    """
    token = LEADS.set(True)
    try:
        yield
    finally:
        LEADS.reset(token)
    ask_helpers(None)


def help_first() -> None:
    """Do what the first process asks for, until it has no more to ask."""
    while True:
        wait_for_first()  # which may work alone for long
        asked: list[Share | None] = [None]
        dist.broadcast_object_list(asked)
        if asked[0] is None:
            return
        asked[0]()


def ask_helpers(share: Share | None) -> None:
    """The others begin their share now; none is left after None."""
    wait_for_first()
    dist.broadcast_object_list([share])
