"""Memory that is not there, said in one sentence: what was asked for, what is free, what takes less."""

from __future__ import annotations

import ctypes
import gc
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import ENOMEM
from pathlib import Path

from .errors import Failure, Mistake, require

OUT_OF_MEMORY_SIGNS = ("allocate memory", "out of memory", "not enough memory", "Unable to allocate", "bad_alloc",
                       "ALLOC_FAILED",
         "Storage size calculation overflowed", "array is too big", "can't start new thread",
         "failed to map segment")  # fmt: skip
ASKED = re.compile(r"allocate (\d+) bytes|allocate ([\d.]+ ?[KMGTPE]i?B)", re.IGNORECASE)
FREE = re.compile(r"of which ([\d.]+ ?[KMGTPE]i?B) is free")  # as torch says it of a GPU
UNITS = ("bytes", "KB", "MB", "GB", "TB", "PB", "EB")
DEFAULT_ADVICE = "ask for less at once, or end other programs"


class OutOfMemory(Failure):
    """The machine has less memory than the work needs."""


def describe_memory_error(error: BaseException) -> str | None:
    """How much memory was missing, if that is what an error of Python's, NumPy's or torch's is about."""
    text = str(error)
    full = isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == ENOMEM)
    known = isinstance(error, (RuntimeError, ValueError, ImportError)) and any(
        sign in text for sign in OUT_OF_MEMORY_SIGNS
    )
    if isinstance(error, Failure | Mistake) or not (full or known):
        return None
    found = ASKED.search(text)
    asked = (format_bytes(int(found[1])) if found[1] else found[2]) if found else ""
    gpu = "CUDA" in text
    facts = [f"{asked} were asked for at once"] * bool(asked)
    if gpu and (told := FREE.search(text)):
        facts += [f"{told[1]} are free"]
    elif not gpu and (free := available_memory()) is not None:
        facts += [f"{format_bytes(free)} are free"]
    where = "the GPU's memory" if gpu else "memory"
    return f"{where} is too small" + (f": {', '.join(facts)}" if facts else "")


@contextmanager
def catch_out_of_memory(advice: str = DEFAULT_ADVICE) -> Iterator[None]:
    """What memory is too small for in here ends as OutOfMemory, with this advice; also a decorator."""
    try:
        yield
    except (MemoryError, RuntimeError, ValueError, OSError, ImportError) as error:
        sentence = describe_memory_error(error)
        if sentence is None:
            raise
        raise OutOfMemory(f"{sentence}; {advice}") from None


def available_memory() -> int | None:
    """Bytes of memory that this process can still have; None where the system does not say."""
    limits = [free for free in (free_of_machine(), free_of_limit(), free_of_group()) if free is not None]
    return max(0, min(limits)) if limits else None


def free_of_machine() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with suppress(AttributeError, OSError, ValueError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def free_of_limit() -> int | None:
    """Of what `ulimit -v` leaves."""
    if sys.platform == "win32":
        return None
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return None
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        return limit - pages * os.sysconf("SC_PAGE_SIZE")
    return limit


def free_of_group() -> int | None:
    """Of what a container leaves."""
    group = Path("/sys/fs/cgroup")
    with suppress(OSError, ValueError):
        limit, used = ((group / name).read_text(encoding="ascii") for name in ("memory.max", "memory.current"))
        return int(limit) - int(used)
    return None


def reset_peak_resident() -> bool:
    """Let `peak_resident` count from now on; False where the system cannot."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        return peak_resident() is not None
    return False


def peak_resident() -> int | None:
    """The most bytes that were in this process's own memory at once; None where the system does not say."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None


def give_back_memory() -> None:
    """Let the system have what was let go of here: circles of objects go, and pieces that are kept to be used again."""
    gc.collect()
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)  # of glibc's alone


def check_capacity(count: int, each: int, what: str, option: str, free: int | None = None) -> None:
    """Refuse so many things of so many bytes as memory cannot hold, naming the number that it can."""
    free = available_memory() if free is None else free
    if free is not None:
        most = max(0, free) // max(1, each)
        need = f"{count:,} {what} take {format_bytes(count * each)}, and {format_bytes(free)} are free"
        require(
            count <= most, f"{need}; {option} {round_down(most)} would fit" if most else f"{need}; not one would fit"
        )


def round_down(count: int) -> int:
    """Down to one digit, as what is free changes from moment to moment."""
    zeros = len(str(count)) - 1
    return int(str(count)[0] + "0" * zeros)


def format_bytes(count: float) -> str:
    """'1.5 GB', of 1024 MB."""
    for unit in UNITS:
        if count < 1024 or unit == UNITS[-1]:
            break
        count /= 1024
    return f"{count:,.0f} {unit}" if unit == "bytes" or count >= 100 else f"{count:.1f} {unit}"
