"""Processes of one run that must do the same thing at the same time: how they meet, ask one another, and wait."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Any

from torch.distributed.distributed_c10d import PrefixStore

from .machine import MissingProcess, all_reduce_max, barrier, local_rank, machine_count, process_rank, world_size

SECONDS_BETWEEN_VOTES = 0.5
SHORTEST, LONGEST = 0.001, 0.5  # seconds between two looks whether the first process has come
MEETING_SECONDS = 600.0  # in which all processes have to come
PARTING_SECONDS = 3.0  # in which the others hear that the first one ends
PAUSE = 0.02  # seconds between two looks at who has come


class Votes:
    """When several processes ask one another: about twice a second, and at the same places of their work.

    At each vote they agree, by the slowest of them, at how many more places (rounds, turns) the next one is.
    """

    def __init__(self, seconds: float = SECONDS_BETWEEN_VOTES) -> None:
        self.seconds, self.every, self.places, self.since = seconds, 1, 0, time.monotonic()

    def due(self) -> bool:
        """Is this place one of a vote? To be asked at every place, in every process; of one alone it never is."""
        self.places += 1
        return world_size() > 1 and self.places >= self.every

    def hold(self, *flags: int) -> list[int]:
        """The highest value of each flag in any process."""
        took = round((time.monotonic() - self.since) * 1000 / max(1, self.places))
        *found, milliseconds = all_reduce_max(*flags, took)
        self.every = max(1, int(self.seconds * 1000 / max(1, milliseconds)))
        self.places, self.since = 0, time.monotonic()
        return found


class Waiting:
    """Waits for what the first process does alone, however long that takes.

    Not in a collective: its timeout (10 minutes on GPUs, 30 otherwise) would end the run while figures are taken.
    """

    def __init__(self) -> None:
        self.store: Any = None  # of the processes that have met; none of those whom somebody else has brought together
        self.places = count()

    def begin(self, store: Any) -> None:
        self.store, self.places = store, count()

    def wait_for_first(self) -> None:
        """Go on when the first process has come here, too; MissingProcess if it never will."""
        self.wait_for(process_rank() == 0, 1)

    def wait_for(self, mine: bool, count: int) -> None:
        """Go on when so many of the processes that are waited for have come here; `mine`: this is one of them."""
        if world_size() == 1:
            return
        if self.store is None:
            barrier()
            return
        here = f"waited for/{next(self.places)}"
        try:
            pause, come = SHORTEST, self.store.add(here, int(mine))
            while come < count:
                if self.store.check(["parted"]):
                    raise gone_with(int(self.store.get("parted")))
                time.sleep(pause)  # in Python, which hears of signals meanwhile
                pause, come = min(LONGEST, 1.5 * pause), self.store.add(here, 0)
        except MissingProcess:
            raise
        except RuntimeError:
            raise MissingProcess from None
        barrier()  # who has waited may still ask the store, which may end with the first process


WAITING = Waiting()


def wait_for_first() -> None:
    """All processes go on when the first one has come here: it may have worked alone for long."""
    WAITING.wait_for_first()


def wait_for_machines() -> None:
    """All processes go on when the first one of each machine has come here: it may have worked alone for long."""
    WAITING.wait_for(local_rank() == 0, machine_count())


def gone_with(code: int) -> MissingProcess:
    """One process has ended with this code, and so do all that wait."""
    missing = MissingProcess()
    missing.code = code
    return missing


def part(store: Any, rank: int, world: int, code: int) -> None:
    """Before a process ends for a fault: those who wait hear of it while the first one's store is still there."""
    with suppress(RuntimeError):  # it is gone
        store.set("parted", str(code))
        heard, until = store.add("heard", 1), time.monotonic() + PARTING_SECONDS
        while rank == 0 and heard < world and time.monotonic() < until:
            time.sleep(PAUSE)
            heard = store.add("heard", 0)


def own_command() -> str:
    """How saddle is called by as many processes as play here."""
    return "saddle" if world_size() == 1 else f"torchrun --nproc-per-node {world_size()} -m saddle"


def meet(store: Any, rank: int, world: int) -> Any:
    """The store for those who meet now, without what processes that were killed have left in it.

    An agent of torchrun keeps one store over all restarts, and of several agents each counts its own restarts. So the
    first process names the meeting, and answers everybody who asks with a word that nobody asked with before.
    """
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return store
    word, until = secrets.token_hex(8), time.monotonic() + MEETING_SECONDS
    if rank:
        store.set(f"saddle/asks/{rank}", word)
        store.wait([f"saddle/answer/{word}"], timedelta(seconds=MEETING_SECONDS))
        name = store.get(f"saddle/answer/{word}").decode()
        store.set(f"saddle/{name}/{rank}", "1")
        return PrefixStore(f"saddle/{name}", store)
    missing, answered = set(range(1, world)), set[str]()
    while missing:
        for other in sorted(missing):
            if not store.check([f"saddle/asks/{other}"]):
                continue
            asked = store.get(f"saddle/asks/{other}").decode()
            if asked not in answered:
                store.set(f"saddle/answer/{asked}", word)
                answered.add(asked)
            if store.check([f"saddle/{word}/{other}"]):
                missing.discard(other)
        if missing and time.monotonic() > until:
            raise MissingProcess(f"of {world} processes {len(missing)} did not come within 10 minutes")
        time.sleep(PAUSE if missing else 0)
    return PrefixStore(f"saddle/{word}", store)
