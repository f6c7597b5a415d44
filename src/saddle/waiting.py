"""How threads wait for one another, which is decided before torch is imported and cannot be changed afterwards.

Those of OpenMP, by which torch shares out its work, wait by asking again and again: that is fast alone, but takes the
processor from whoever else wants it, the very threads that are waited for among them. Passively they sleep.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Collection, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

Waiting = Literal["auto", "active", "passive"]
PASSIVE = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}  # for each library of OpenMP's
LOOK_SECONDS = 0.1  # for which the machine is looked at
SHARED_CORES = 0.25  # that others keep busy, from which on the machine is shared
STAT = Path("/proc/stat")


def choose_waiting(wish: Waiting = "auto", company: str = "", environment: MutableMapping[str, str] = os.environ,
                   options: bool = True) -> str:  # fmt: skip
    """Choose how threads wait, for torch which is not imported yet; a sentence, where it is not as usual.

    `company`: what is about to run beside this work, where that is known. What the user's environment says stays.
    `options`: does the command take --waiting and --threads, so that the sentence may name them?
    """
    if "torch" in sys.modules or any(name in environment for name in PASSIVE):
        return ""
    if environment.get("OMP_NUM_THREADS") == "1" or count_own_cores() == 1 or wish == "active":
        return ""
    why = "as asked for" if wish == "passive" else company or describe_load(busy_cores(), count_own_cores(), options)
    if why:
        environment.update(PASSIVE)
    return f"threads wait passively, {why}" if why else ""


def describe_load(busy: float | None, cores: int, options: bool = True) -> str:
    """Why a machine is shared, and the options for it; nothing of one that is not, or of which it is not known."""
    if busy is None or busy < SHARED_CORES:
        return ""
    why, free = f"as other work keeps {busy:.1f} of {cores} cores busy", max(1, cores - round(busy))
    if not options:
        return why
    fewer = f"--threads {free} may be faster beside it, and " if free < cores else ""
    return f"{why}; {fewer}--waiting active is faster once that is over"


def busy_cores(seconds: float = LOOK_SECONDS) -> float | None:
    """How many of the cores that this process may use are kept busy by others; None where the system does not tell."""
    cores = own_cores()
    with suppress(OSError, ValueError):
        before, own = busy_ticks(STAT.read_text(encoding="ascii"), cores), time.process_time()
        time.sleep(seconds)
        after = busy_ticks(STAT.read_text(encoding="ascii"), cores)
        spent = after[1] - before[1]
        mine = (time.process_time() - own) / seconds
        return max(0.0, len(cores) * (after[0] - before[0]) / spent - mine) if spent else None
    if hasattr(os, "getloadavg"):
        return float(os.getloadavg()[0])
    return None


def busy_ticks(stat: str, cores: Collection[int]) -> tuple[int, int]:
    """Ticks of the clock in which these cores were busy, and all of their ticks, as Linux counts them in /proc/stat."""
    busy = whole = 0
    for line in stat.splitlines():
        name, *ticks = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cores:
            counts = [int(tick) for tick in ticks[:8]]  # the rest is counted among these already
            whole += sum(counts)
            busy += sum(counts) - counts[3] - counts[4]  # idle, and idle as a disk is waited for
    return busy, whole


def own_cores() -> Collection[int]:
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return range(os.cpu_count() or 1)


def count_own_cores() -> int:
    return len(own_cores())
