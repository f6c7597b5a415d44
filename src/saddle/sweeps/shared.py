"""Sweeps of which several processes train the runs: what one of them takes, and what it writes down for all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

from ..notices import Notify
from .plan import SweepPlan, Trial
from .sampler import Sampler, SearchAttempt
from .search_state import SearchState, trial_number
from .shared_study import SharedRun, SharedStudy
from .work import IntermediateResult
from .workers import TrialListener

LOST = "left to another process, which has taken it up as nothing was heard of this one"


class SharedGrid(TrialListener):
    """All combinations of a plan, taken one by one."""

    def __init__(self, plan: SweepPlan, study: SharedStudy, told: Callable[[Trial, str], object]) -> None:
        super().__init__(told)
        self.study, self.asked = study, "measure" in plan.settings  # figures are for those who look into the database
        self.choices = list(plan.combinations()) * plan.seeds
        self.all = plan.trials()
        self.numbers = {trial.name: i for i, trial in enumerate(self.all)}

    def trials(self) -> Iterator[Trial | None]:
        """What is free, one after another; None while what is left is trained by others."""
        while True:
            known = self.study.read()
            left = [i for i in range(len(self.all)) if i not in known or not known[i].end]
            if not left:
                return
            free = (i for i in left if i not in known or known[i].free)
            run = next((i for i in free if self.study.take(i, self.choices[i])), None)
            yield None if run is None else self.all[run]

    def should_continue(self, trial: Trial, reading: IntermediateResult) -> bool:
        return self.study.report(self.numbers[trial.name], reading.images, reading.value)

    def on_done(self, trial: Trial) -> None:
        run = self.numbers[trial.name]
        values = self.study.read()[run].values
        last = values[max(values)] if values else math.nan
        self.study.finish(run, "done", None if math.isnan(last) else last)
        super().on_done(trial)

    def on_failed(self, trial: Trial, sentence: str) -> None:
        self.study.finish(self.numbers[trial.name], "failed", why=sentence)
        super().on_failed(trial, sentence)

    def on_pruned(self, trial: Trial) -> None:
        self.on_released(trial, LOST)

    def on_released(self, trial: Trial, sentence: str) -> None:
        self.study.release(self.numbers[trial.name])
        super().on_released(trial, sentence)

    def failed(self) -> dict[str, str]:
        return {self.all[run].name: known.why for run, known in self.study.read().items() if known.end == "failed"}


class SharedSearch(SearchState):
    """A search of which each process knows what all have brought."""

    def __init__(self, plan: SweepPlan, folder: Path, advisor: Sampler, metric: str, said: Notify,
                 study: SharedStudy) -> None:  # fmt: skip
        super().__init__(plan, folder, advisor, metric, said)
        self.study = study
        self.refresh()

    def refresh(self) -> dict[int, SharedRun]:
        known = self.study.read()
        self.attempts = [SearchAttempt(it.choice, it.values, it.end, it.why) for it in known.values()]
        return known

    def trials(self) -> Iterator[Trial | None]:
        """What others have left, then new ones; None while the rest is trained by others."""
        while True:
            known = self.refresh()
            free = [run for run, it in known.items() if it.free]
            if not free and len(known) < (self.plan.search or 0):
                free = [len(known)]
                self.attempts.append(SearchAttempt(self.sampler.suggest(self.attempts)))
            elif not free and all(it.end for it in known.values()):
                return
            run = next((run for run in free if self.study.take(run, self.attempts[run].choice)), None)
            if run is not None:
                self.refresh()  # where two have chosen at once, the first choice stands
                yield self.trial(self.attempts[run])
            elif not free:
                yield None

    def attempt_of(self, trial: Trial) -> SearchAttempt:
        """As all processes know it by now, and the others beside it."""
        self.refresh()
        return super().attempt_of(trial)

    def should_continue(self, trial: Trial, reading: IntermediateResult) -> bool:
        here = self.study.report(trial_number(trial) - 1, reading.images, reading.value)
        return here and super().should_continue(trial, reading)

    def save(self, attempt: SearchAttempt) -> None:
        """Write down how it has ended; its figures are there."""
        if attempt.end:
            done = attempt.value if attempt.end == "done" else None
            self.study.finish(self.attempts.index(attempt), attempt.end, done, attempt.why)

    def on_pruned(self, trial: Trial) -> None:
        if trial_number(trial) - 1 in self.study.mine:
            self.on_released(trial, LOST)
        else:
            super().on_pruned(trial)

    def on_released(self, trial: Trial, sentence: str) -> None:
        self.study.release(trial_number(trial) - 1)
        super().on_released(trial, sentence)
