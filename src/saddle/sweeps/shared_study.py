"""The runs of a sweep in a database, from which processes on any machines take them, each run one of them.

A run is a trial of optuna's; one that is taken up again has a further trial. It belongs to who turned it from waiting
to running, which the database lets happen once, and whose process still sends heartbeats.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .database_url import without_password
from .ranges import SearchSpace
from .sampler import SearchAttempt, choice_value, to_distribution
from .storage import HEARTBEAT_SECONDS, explained, find_study, without_experimental

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

RUN, CHOICE, END, WHY = "run", "choice", "end", "why"  # what saddle keeps of a trial
End = Literal["done", "pruned", "failed"]


@dataclass
class SharedRun(SearchAttempt):
    """What the database tells of one run."""

    running: bool = False  # is it being trained?
    waiting: int | None = None  # the trial that may be taken

    def add(self, trial: FrozenTrial) -> None:
        """A further trial of this run, in the order in which they were made."""
        state, told = trial.state.name, trial.user_attrs
        self.values |= trial.intermediate_values
        self.running |= state == "RUNNING"
        if state == "WAITING" and self.waiting is None:
            self.waiting = trial._trial_id
        self.end, self.why = self.end or told.get(END, ""), self.why or told.get(WHY, "")

    @property
    def free(self) -> bool:
        """May a process take it?"""
        return not self.end and not self.running


class SharedStudy:
    """The runs of one sweep, as one of its processes sees them."""

    def __init__(self, url: str, folder: Path, spaces: Mapping[str, SearchSpace]) -> None:
        self.url, self.spaces = url, spaces
        self.study, self.storage = find_study(url, folder)
        self.mine: dict[int, int] = {}  # the trial of each run that this process trains
        self.over = threading.Event()

    @contextmanager
    def attended(self) -> Iterator[None]:
        """Tells the database that this process lives; at the end, what it still holds is free for others."""
        thread = threading.Thread(target=self.send_heartbeats, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.over.set()
            thread.join()
            for run in list(self.mine):
                self.release(run)

    def send_heartbeats(self) -> None:
        from optuna.exceptions import StorageInternalError
        from sqlalchemy.exc import SQLAlchemyError

        while not self.over.wait(HEARTBEAT_SECONDS):
            for trial in list(self.mine.values()):
                with suppress(SQLAlchemyError, StorageInternalError):  # the next one may come through
                    self.storage.record_heartbeat(trial)

    def read(self) -> dict[int, SharedRun]:
        """All runs that were ever taken, by number; those of processes that are lost are free again."""
        from optuna.storages import fail_stale_trials

        found: dict[int, SharedRun] = {}
        with explained(self.url), without_experimental():
            fail_stale_trials(self.study)
            for trial in self.study.get_trials(deepcopy=False):
                choice = dict(trial.user_attrs[CHOICE])  # of several trials of a run the first says what is tried
                found.setdefault(trial.user_attrs[RUN], SharedRun(choice)).add(trial)
        return dict(sorted(found.items()))

    def standing(self) -> str:
        """How far all processes have come, in words."""
        known = self.read().values()
        ended, running = (sum(map(bool, some)) for some in ([it.end for it in known], [it.running for it in known]))
        return f"shared by {without_password(self.url)}: {ended} of them ended, {running} in work elsewhere"

    def take(self, run: int, choice: Mapping[str, str]) -> bool:
        """Take a run for this process; False if another one has it, or has ended it."""
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        found = self.read().get(run)
        with explained(self.url), suppress(UpdateFinishedTrialError):  # taken, and left again, since it was read
            if found is None or (found.free and found.waiting is None):
                self.storage.create_new_trial(self.study._study_id, self.waiting_trial(run, choice))
                found = self.read()[run]  # others may have made one too: all want the first
            if not found.free or found.waiting is None:
                return False
            self.storage.record_heartbeat(found.waiting)  # first, so that no trial runs without
            if self.storage.set_trial_state_values(found.waiting, TrialState.RUNNING):
                self.mine[run] = found.waiting
                return True
        return False

    def waiting_trial(self, run: int, choice: Mapping[str, str]) -> FrozenTrial:
        from optuna.trial import TrialState, create_trial

        return create_trial(
            state=TrialState.WAITING, user_attrs={RUN: run, CHOICE: dict(choice)},
            params={name: choice_value(space, choice[name]) for name, space in self.spaces.items()},
            distributions={name: to_distribution(space) for name, space in self.spaces.items()})  # fmt: skip

    def report(self, run: int, images: int, value: float) -> bool:
        """Write down a figure; False if another process has taken up the run."""
        from optuna.exceptions import UpdateFinishedTrialError

        try:
            with explained(self.url):
                self.storage.set_trial_intermediate_value(self.mine[run], images, value)
        except UpdateFinishedTrialError:
            return False
        return True

    def finish(self, run: int, end: End, value: float | None = None, why: str = "") -> None:
        """Write down how a run has ended, and its last figure if it was measured."""
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        trial = self.mine.pop(run)
        complete = end == "done" and value is not None
        # what is complete has a value with optuna, and what ended without one was pruned
        state = TrialState.COMPLETE if complete else TrialState.FAIL if end == "failed" else TrialState.PRUNED
        with explained(self.url), suppress(UpdateFinishedTrialError):  # another process has taken it up
            self.storage.set_trial_user_attr(trial, WHY, why)
            self.storage.set_trial_user_attr(trial, END, end)  # last, for it is what counts
            self.storage.set_trial_state_values(trial, state, [value] if complete and value is not None else None)

    def release(self, run: int) -> None:
        """Leave a run to whoever takes it up; one that has ended stays so."""
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        trial = self.mine.pop(run, None)
        if trial is not None:
            with explained(self.url), suppress(UpdateFinishedTrialError):
                self.storage.set_trial_state_values(trial, TrialState.FAIL)
