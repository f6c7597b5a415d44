"""Commands of saddle in processes that may be killed; forked from one that has imported everything, so they are quick.

Used by kills.py and fuzz.py. POSIX only.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

FILE_EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.utime")


class Outcome(NamedTuple):
    """How a command ended."""

    code: int  # its exit code; minus the signal's number if one ended it
    said: str  # all that it wrote
    seconds: float  # of processor time, its children's not counted
    wall: float
    late: bool  # it was ended because it took too long

    @property
    def traceback(self) -> bool:
        return "Traceback (most recent call last)" in self.said or (self.code < 0 and not self.late)


class Trial(NamedTuple):
    """Where a command runs, and what may end it."""

    folder: Path  # the current folder
    environment: Mapping[str, str] = {}
    limit: float = 60.0  # seconds on the wall
    memory: int = 8 << 30  # bytes of address space beyond what there is
    dies_at: int | None = None  # the number of the file event below `watched` at which it kills itself
    watched: Path | None = None
    dies_after: float | None = None  # seconds after which it is killed
    interrupted_after: float | None = None  # seconds after which it gets Ctrl-C

    def run(self, words: Sequence[str]) -> Outcome:
        """Run `saddle WORDS`; what it prints is kept in a file beside its folder."""
        out = self.folder.parent / f"{self.folder.name}.out"
        began = time.monotonic()
        if (child := os.fork()) == 0:
            self.play(words, out)
        late = self.wait(child, began)
        _, status, used = os.wait4(child, 0)
        code = os.waitstatus_to_exitcode(status)
        said = out.read_text(errors="replace")
        return Outcome(code, said, used.ru_utime + used.ru_stime, time.monotonic() - began, late)

    def wait(self, child: int, began: float) -> bool:
        """Until the child has ended, which is left for wait4; kill it when its time has come."""
        kill = signal.SIGKILL
        ends = [(self.interrupted_after, signal.SIGINT), (self.dies_after, kill), (self.limit, kill)]
        due = sorted((when, number) for when, number in ends if when is not None)
        while os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            while due and time.monotonic() - began > due[0][0]:
                when, number = due.pop(0)
                os.kill(child, number)
                if when == self.limit:
                    return True
            time.sleep(0.002)
        return False

    def play(self, words: Sequence[str], out: Path) -> None:
        """In the child: never returns."""
        code = 70
        try:
            file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, 1), os.dup2(file, 2), os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115
            sys.stdin = open(0, closefd=False)  # noqa: SIM115
            os.chdir(self.folder)
            os.environ.update(self.environment)
            size = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
            resource.setrlimit(resource.RLIMIT_AS, (size + self.memory,) * 2)
            if self.watched:
                sys.addaudithook(Counter(self.watched, self.dies_at))
            from saddle.cli import main

            code = main(list(words))
        except SystemExit as error:
            code = error.code if isinstance(error.code, int) else 1
        except BaseException:
            traceback.print_exc()
            code = 70
        finally:
            with suppress(Exception):
                sys.stdout.flush(), sys.stderr.flush()
            os._exit(code)


class Counter:
    """Counts what is done to files below a folder, and ends the process just before the n-th of it."""

    def __init__(self, folder: Path, last: int | None) -> None:
        self.folder, self.last, self.count = str(folder), last, 0

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if event not in FILE_EVENTS or not arguments or not str(arguments[0]).startswith(self.folder):
            return
        self.count += 1
        if self.last is None:
            os.write(2, f"[event {self.count}]\n".encode())
        elif self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


def preload() -> None:
    """Import all that commands do, before anything is forked; one thread, as threads do not outlive a fork."""
    import importlib
    import pkgutil

    import matplotlib.pyplot
    import torch

    import saddle

    torch.set_num_threads(1)
    del matplotlib
    for module in pkgutil.walk_packages(saddle.__path__, "saddle."):
        if not module.name.endswith("__main__"):
            with suppress(ImportError):
                importlib.import_module(module.name)
