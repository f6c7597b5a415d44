"""Runs in processes of their own, several at a time; one that fails does not take the others with it."""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from ..errors import Failure, Interrupted, Mistake
from ..training.signals import Signals
from .plan import Trial
from .work import DONE, PRUNED, IntermediateResult, run_trial

WAIT_SECONDS = 2  # after which it is asked again for a trial


@dataclass(eq=False)
class Job:
    """A trial being trained."""

    trial: Trial
    process: Any  # of the context's kind
    answer: Connection
    gpu: str | None = None  # that is its own, as CUDA_VISIBLE_DEVICES names it
    open: bool = True  # may it still say something?
    end: tuple[str, str] = "", ""  # how it ended, and its sentence; nothing of one whose process was killed


def visible_gpus() -> list[str]:
    """The GPUs of this machine, as CUDA_VISIBLE_DEVICES names them; none of one alone, which all runs share."""
    import torch  # which a sweep imports only now

    named = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name]
    count = torch.cuda.device_count()  # which does not begin to use them
    return (named or [str(i) for i in range(count)])[:count] if count > 1 else []


class TrialListener:
    """Hears of each run as it begins and ends; one that searches is asked, at each figure, whether to go on."""

    asked = False

    def __init__(self, told: Callable[[Trial, str], object]) -> None:
        self.notify = told

    def on_done(self, trial: Trial) -> None:
        self.notify(trial, "done")

    def on_failed(self, trial: Trial, sentence: str) -> None:
        self.notify(trial, f"failed: {sentence}")

    def should_continue(self, trial: Trial, reading: IntermediateResult) -> bool:
        return True

    def on_pruned(self, trial: Trial) -> None:
        """It has been ended early, as was asked for."""

    def on_released(self, trial: Trial, sentence: str) -> None:
        """It has been stopped, and may go on."""
        self.notify(trial, sentence)


class WorkerPool:
    """Trains trials, so many at a time."""

    def __init__(self, recipe: str, folder: Path, jobs: int, host: TrialListener) -> None:
        self.recipe, self.folder, self.jobs, self.listener = recipe, folder, jobs, host
        forks = "forkserver" in mp.get_all_start_methods()
        self.context: Any = mp.get_context("forkserver" if forks else "spawn")
        if forks:
            self.context.set_forkserver_preload([__name__])  # imported once, not by every run
        self.running: list[Job] = []
        self.gpus = visible_gpus() if jobs > 1 else []
        self.signals = Signals(self.ask_to_stop)
        self.fault: Mistake | Failure | None = None

    def run(self, trials: Iterator[Trial | None]) -> None:
        """Train them all, taking each when there is room for it. Interrupted when asked to stop.

        None stands for no trial now: it is asked for one again later.
        """
        with self.signals.remember_signals():
            waits = self.fill(trials)
            while self.running or waits:
                self.listen(WAIT_SECONDS if waits else None)
                waits = self.fill(trials)
        if self.fault:
            raise self.fault
        if number := self.signals.number:
            raise Interrupted(128 + number, f"stopped, and saved what was begun; the same command goes on in "
                                            f"{self.folder}")  # fmt: skip

    @property
    def ending(self) -> bool:
        return bool(self.signals.number or self.fault)

    def fill(self, trials: Iterator[Trial | None]) -> bool:
        """Begin as many as there is room for; True where there is room, and perhaps a trial later."""
        with self.ending_at_faults():
            while len(self.running) < self.jobs and not self.ending:
                try:
                    trial = next(trials)
                except StopIteration:
                    return False
                if trial is None:
                    return True
                self.begin_trial(trial)
        return False

    @contextmanager
    def ending_at_faults(self) -> Iterator[None]:
        """What the listener cannot do ends the sweep, and not before its runs have ended."""
        try:
            yield
        except (Mistake, Failure) as fault:
            self.give_up(fault)

    def listen(self, seconds: float | None = None) -> None:
        """Wait until a run says something, or ends, or so long."""
        if not self.running:
            time.sleep(seconds or 0)
        wait([job.process.sentinel for job in self.running] + [job.answer for job in self.running if job.open], seconds)
        for job in list(self.running):
            ended = not job.process.is_alive()  # before hearing the last of it
            while job.open and job.answer.poll():
                self.hear(job)
            if ended:
                self.finish_job(job)

    def hear(self, job: Job) -> None:
        try:
            said = job.answer.recv()
        except (EOFError, OSError):
            job.open = False
            return
        if isinstance(said, IntermediateResult):
            goes_on = False
            with self.ending_at_faults():
                goes_on = self.listener.should_continue(job.trial, said)
            with suppress(OSError):  # it has just been killed
                job.answer.send(goes_on)
        else:
            job.end = said

    def begin_trial(self, trial: Trial) -> None:
        mine, theirs = self.context.Pipe()
        place, alone = str(self.folder / trial.name), self.jobs == 1
        gpu = self.choose_gpu(trial)
        process = self.context.Process(
            target=run_trial, args=(self.recipe, trial, place, alone, self.listener.asked, theirs, gpu)
        )
        self.listener.notify(trial, "begins")
        process.start()
        theirs.close()
        self.running.append(Job(trial, process, mine, gpu))
        if self.ending:  # a signal came while it began
            self.ask_to_stop()

    def choose_gpu(self, trial: Trial) -> str | None:
        """The one on which the fewest runs are, the first of several; None where a run says itself where it is."""
        if not self.gpus or trial.settings.get("device", "auto") not in ("auto", "cuda"):
            return None
        return min(self.gpus, key=[job.gpu for job in self.running].count)

    def finish_job(self, job: Job) -> None:
        """Hear how a run ended. One that failed is noted; what is wrong with all of them ends the sweep."""
        self.running.remove(job)
        job.process.join()
        job.answer.close()
        with self.ending_at_faults():
            self.conclude(job, *job.end)

    def conclude(self, job: Job, kind: str, sentence: str) -> None:
        if kind == DONE:
            self.listener.on_done(job.trial)
        elif kind == PRUNED:
            self.listener.on_pruned(job.trial)
        elif kind == Failure.__name__:
            self.listener.on_failed(job.trial, sentence)
        elif kind == Interrupted.__name__ or self.ending:
            self.listener.on_released(job.trial, "stopped and saved")
            if not self.ending:  # somebody has stopped this one run
                self.signals.number = signal.SIGTERM
                self.ask_to_stop()
        elif kind == Mistake.__name__:
            self.give_up(Mistake(f"{job.trial.name}: {sentence}"))
        else:
            said = sentence or f"its process ended with code {job.process.exitcode}"
            self.give_up(Failure(f"{job.trial.name} broke off ({said}); the same command goes on in {self.folder}"))

    def give_up(self, fault: Mistake | Failure) -> None:
        self.fault = self.fault or fault
        self.ask_to_stop()

    def ask_to_stop(self) -> None:
        """Let every run save itself and stop."""
        for job in self.running:
            job.process.terminate()
