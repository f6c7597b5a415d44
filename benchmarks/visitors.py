"""Visitors of a server that is measured, each in a thread, and the memory that it takes meanwhile."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path


def resident_kb(process: int) -> int:
    """kB that a process has in memory; 0 where the system does not say."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


def let_visit(threads: Sequence[threading.Thread], memory: Callable[[], int], seconds: float) -> list[int]:
    """Start all visitors and wait until the last has gone; the memory, asked for every second or more often."""
    found: list[int] = []
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        found.append(memory())
        time.sleep(min(1.0, seconds / 10))
    for thread in threads:
        thread.join()
    return found
