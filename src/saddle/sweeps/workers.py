"""Runs in processes of their own, several at a time; one that fails does not take the others with it."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

from ..errors import Failure, Interrupted, Mistake
from ..sessions import resume, train
from ..training.watch import Quiet
from .plan import Trial

DONE = "done"


class Job(NamedTuple):
    """A trial being trained."""

    trial: Trial
    process: Any  # of the context's kind
    answer: Connection


class Workers:
    """Trains trials; `told` hears of each as it begins and ends, `failed` of those that fail, and why."""

    def __init__(self, recipe: str, folder: Path, jobs: int, told: Callable[[Trial, str], None],
                 failed: Callable[[Trial, str], None]) -> None:  # fmt: skip
        self.recipe, self.folder, self.jobs, self.told, self.failed = recipe, folder, jobs, told, failed
        forks = "forkserver" in mp.get_all_start_methods()
        self.context: Any = mp.get_context("forkserver" if forks else "spawn")
        if forks:
            self.context.set_forkserver_preload([__name__])  # torch is imported once, not by every run
        self.running: list[Job] = []
        self.stopped = 0  # by this signal
        self.fault: Mistake | Failure | None = None

    def go(self, trials: Sequence[Trial]) -> None:
        """Train them all, in this order. Interrupted when asked to stop."""
        waiting = deque(trials)
        with self.signals():
            while self.running or (waiting and not self.ending):
                while waiting and len(self.running) < self.jobs and not self.ending:
                    self.begin(waiting.popleft())
                if self.running:
                    wait([job.process.sentinel for job in self.running])
                for job in [job for job in self.running if not job.process.is_alive()]:
                    self.end(job)
        if self.fault:
            raise self.fault
        if self.stopped:
            raise Interrupted(128 + self.stopped, f"stopped, and saved what was begun; the same command goes on in "
                                                  f"{self.folder}")  # fmt: skip

    @property
    def ending(self) -> bool:
        return bool(self.stopped or self.fault)

    def begin(self, trial: Trial) -> None:
        mine, theirs = self.context.Pipe(duplex=False)
        place = str(self.folder / trial.name)
        process = self.context.Process(target=work, args=(self.recipe, trial, place, self.jobs == 1, theirs))
        self.told(trial, "begins")
        process.start()
        theirs.close()
        self.running.append(Job(trial, process, mine))
        if self.ending:  # a signal came while it began
            self.ask()

    def end(self, job: Job) -> None:
        """Hear how a run ended. One that failed is noted; what is wrong with all of them ends the sweep."""
        self.running.remove(job)
        job.process.join()
        kind, sentence = heard(job.answer)
        if kind == DONE:
            self.told(job.trial, "done")
        elif kind == Failure.__name__:
            self.failed(job.trial, sentence)
            self.told(job.trial, f"failed: {sentence}")
        elif kind == Interrupted.__name__ or self.ending:
            self.told(job.trial, "stopped and saved")
            if not self.ending:  # somebody has stopped this one run
                self.stopped = signal.SIGTERM
                self.ask()
        elif kind == Mistake.__name__:
            self.give_up(Mistake(f"{job.trial.name}: {sentence}"))
        else:
            said = sentence or f"its process ended with code {job.process.exitcode}"
            self.give_up(Failure(f"{job.trial.name} broke off ({said}); the same command goes on in {self.folder}"))

    def give_up(self, fault: Mistake | Failure) -> None:
        self.fault = self.fault or fault
        self.ask()

    def ask(self) -> None:
        """Let every run save itself and stop."""
        for job in self.running:
            job.process.terminate()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """The first SIGINT or SIGTERM stops all runs in good order; the second one is not waited for."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(number: int, frame: FrameType | None) -> None:
            self.stopped = number
            signal.signal(number, before[signal.Signals(number)])
            self.ask()

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def heard(answer: Connection) -> tuple[str, str]:
    """How a run ended, and its sentence; nothing of one whose process was killed."""
    with answer:
        try:
            kind, sentence = answer.recv()
        except EOFError:
            return "", ""
    return kind, sentence


def work(recipe: str, trial: Trial, place: str, alone: bool, answer: Connection) -> None:
    """In a process of its own: begin a run or go on with it, and answer how it ended, in one sentence."""
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C goes to the sweep, which asks its runs itself
    watch = None if alone else Quiet()  # the displays of several would overwrite each other
    try:
        if (Path(place) / "manifest.json").exists():
            resume(place, watch=watch)
        else:
            clear(Path(place))
            train(recipe, out=place, options=trial.options, watch=watch, **trial.settings)
        answer.send((DONE, ""))
    except Failure as failure:
        answer.send((Failure.__name__ if failure.code == 1 else Mistake.__name__, str(failure)))
    except (Mistake, Interrupted) as end:
        answer.send((type(end).__name__, str(end)))
    except Exception as error:
        answer.send(("", f"{type(error).__name__}: {error}"))
        raise


def clear(place: Path) -> None:
    """Take away the empty folders of a run that was killed before its manifest was written."""
    for path in (place / "sheets", place / "checkpoints", place):
        with suppress(OSError):  # whatever is in it stays, and is refused as a place for a run
            path.rmdir()
