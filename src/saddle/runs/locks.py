"""Locks of files, by which one process alone writes into a run, and others can tell."""

from __future__ import annotations

import errno
import time
from pathlib import Path
from typing import BinaryIO

from ..notices import warn_on_stderr
from ..regular import is_regular_file, open_to_read

try:
    import fcntl
except ImportError:  # not on Windows; there a second writer is noticed only by the manifest
    fcntl = None  # type: ignore[assignment]


def is_locked(lock: Path, root: Path | None = None) -> bool:
    """Does a process hold this lock, as far as that can be told?"""
    if fcntl is None or not is_regular_file(lock, root):
        return False
    with open_to_read(lock, root) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two who look do not see one another
        except OSError as error:
            return is_taken(error)
    return False


def is_taken(error: OSError) -> bool:
    """Has another process the lock? Some file systems, as of clusters, know no locks, and then nobody can have one."""
    return error.errno in (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)


def lock_patiently(file: BinaryIO) -> bool:
    """Lock a file for this process alone; who only looks whether it is locked holds it for less than a moment."""
    if fcntl is None:
        return True
    for wait in (0.0, 0.05, 0.2):
        time.sleep(wait)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if not is_taken(error):
                warn_on_stderr(f"{file.name} cannot be locked ({error.strerror}), so see to it that nobody else trains "
                               "this run meanwhile")  # fmt: skip
                return True
        else:
            return True
    return False
