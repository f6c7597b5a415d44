"""A search's book: what was tried and what came of it, in a file of its folder; what is tried next stands on that."""

from __future__ import annotations

import dataclasses
import math
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, TypedDict

from ..errors import Failure, format_count, require
from ..metrics.figures import json_number
from ..notices import Notify
from ..reports.reading import Run
from ..runs.folder import RunFolder
from ..runs.manifest import Manifest
from ..runs.settings import Settings
from ..runs.writing import write_json
from ..schema import conform, read_json
from .plan import SweepPlan, Trial
from .ranges import SearchSpace, is_in_space
from .sampler import Sampler, SearchAttempt
from .work import IntermediateResult
from .workers import TrialListener

SEARCH_FORMAT = "saddle search 1"
SEARCH_FILE = "search.json"
NO_NUMBERS = ("inf", "-inf", "nan")  # as figures that are no finite number are written
ENDS = {"done": "", "pruned": " (ended early)", "failed": " (failed)", "": " (not finished)"}


class AttemptFacts(TypedDict):
    """An attempt as JSON."""

    choice: dict[str, str]
    values: dict[str, float | str]
    end: Literal["", "done", "pruned", "failed"]
    why: str


class SearchFacts(TypedDict):
    """The book as JSON."""

    format: str
    attempts: list[AttemptFacts]


class SearchState(TrialListener):
    """Chooses what to try, writes down what comes of it, and ends what falls behind."""

    asked = True

    def __init__(self, plan: SweepPlan, folder: Path, advisor: Sampler, metric: str, said: Notify) -> None:
        super().__init__(lambda trial, what: said(f"{trial_number(trial)} of {plan.search}, {trial.group}: {what}"))
        self.plan, self.folder, self.sampler, self.metric = plan, folder, advisor, metric
        self.attempts = read_attempts(folder / SEARCH_FILE, plan.spaces)

    def save(self, attempt: SearchAttempt) -> None:
        """Write down what has become of one of them: here in a file of all."""
        facts = [
            dataclasses.asdict(a) | {"values": {n: json_number(v) for n, v in a.values.items()}} for a in self.attempts
        ]
        write_json(self.folder / SEARCH_FILE, {"format": SEARCH_FORMAT, "figure": self.metric, "attempts": facts})

    def trials(self) -> Iterator[Trial | None]:
        """What was begun, then new ones, each chosen when it is asked for."""
        yield from [self.trial(attempt) for attempt in self.attempts if not attempt.end]
        while len(self.attempts) < (self.plan.search or 0):
            self.attempts.append(SearchAttempt(self.sampler.suggest(self.attempts)))
            self.save(self.attempts[-1])
            yield self.trial(self.attempts[-1])

    def trial(self, attempt: SearchAttempt) -> Trial:
        seed = self.plan.settings.get("seed", 0)
        return self.plan.make_trial(self.attempts.index(attempt) + 1, attempt.choice, seed)

    def attempt_of(self, trial: Trial) -> SearchAttempt:
        return self.attempts[trial_number(trial) - 1]

    def should_continue(self, trial: Trial, reading: IntermediateResult) -> bool:
        """Decided once, and written down before the run hears of it; an infinite figure is a bad one, but a figure."""
        attempt = self.attempt_of(trial)
        attempt.values[reading.images] = reading.value
        if not reading.last and self.sampler.should_prune(self.attempts, attempt):
            attempt.end = "pruned"
        self.save(attempt)
        return attempt.end != "pruned"

    def on_pruned(self, trial: Trial) -> None:
        images, value = max(self.attempt_of(trial).values.items())
        self.notify(trial, f"ended early at {images:,} images, as {self.metric} {value:.4g} falls behind")

    def on_done(self, trial: Trial) -> None:
        attempt = self.attempt_of(trial)
        if math.isnan(attempt.value):
            last = f"its last {self.metric} is no number"
            self.on_failed(trial, last if attempt.values else "it was never measured")
            return
        attempt.end = "done"
        self.save(attempt)
        best = ", the best so far" if self.best() is attempt else ""
        self.notify(trial, f"done, {self.metric} {attempt.value:.4g}{best}")

    def on_failed(self, trial: Trial, sentence: str) -> None:
        attempt = self.attempt_of(trial)
        attempt.end, attempt.why = "failed", sentence
        self.save(attempt)
        super().on_failed(trial, sentence)

    def ranked(self) -> list[SearchAttempt]:
        """The best first: what was done, by its figure; what was ended early, the later the better; what failed."""

        def rank(attempt: SearchAttempt) -> tuple[object, ...]:
            value = attempt.value if self.sampler.lower else -attempt.value
            age = 0 if attempt.end == "done" else -max(attempt.values, default=0)
            return list(ENDS).index(attempt.end), age, math.inf if math.isnan(value) else value

        return sorted(self.attempts, key=rank)

    def best(self) -> SearchAttempt:
        """Failure if no run came to its end."""
        best = self.ranked()[0]
        if best.end != "done":
            raise Failure(f"of {format_count(len(self.attempts), 'run')} of {self.folder} none came to its end"
                          f"{''.join(f'; {sentence}' for sentence in self.failures())}")  # fmt: skip
        return best

    def sentence(self) -> str:
        """What was best, of how many."""
        best = self.best()
        told = ((sum(a.end == end for a in self.attempts), what) for end, what in
                (("pruned", "of them ended early"), ("failed", "failed")))  # fmt: skip
        more = "".join(f", {n} {what}" for n, what in told if n)
        all_ = f"of {format_count(len(self.attempts), 'run')}{more}"
        return f"{self.trial(best).group} with {self.metric} {best.value:.4g}, {all_}"

    def failures(self) -> list[str]:
        return [f"{self.trial(attempt).name} failed: {attempt.why}" for attempt in self.attempts if attempt.why]

    def runs(self) -> list[Run]:
        """All that were begun, the best first."""
        found = []
        for attempt in self.ranked():
            trial = self.trial(attempt)
            if (self.folder / trial.name / "manifest.json").exists():
                place, title = RunFolder.find(self.folder / trial.name), trial.group + ENDS[attempt.end]
                found.append(Run(title, title, place, Manifest.read(place)))
        return found

    def command(self) -> str:
        """What trains the best once more."""
        trial = self.trial(self.best())
        words = ["saddle", "train", self.plan.recipe]
        for name, value in {**trial.options, **trial.settings}.items():
            option = name.replace("_", "-")
            if isinstance(value, bool):
                words += [f"--{option}"] * value  # all of them are off if nothing is said
            elif value is not None and value != getattr(Settings(), name, None):
                words += [f"--{option}", str(value)]
        return shlex.join(words)


def trial_number(trial: Trial) -> int:
    return int(trial.name.partition("-")[0])


def read_attempts(path: Path, spaces: Mapping[str, SearchSpace]) -> list[SearchAttempt]:
    """What was tried so far; Mistake for a file that does not tell."""
    if not path.exists():
        return []
    fault = f"{path} does not tell what was tried"
    facts = conform(read_json(path, fault), SearchFacts, fault)
    require(facts["format"] == SEARCH_FORMAT, f"{path} was written in another format than {SEARCH_FORMAT!r}")
    return [parse_attempt(tried, spaces, f"{fault}: attempts[{i}]") for i, tried in enumerate(facts["attempts"])]


def parse_attempt(facts: AttemptFacts, spaces: Mapping[str, SearchSpace], fault: str) -> SearchAttempt:
    """One attempt as it was written; Mistake for a choice that the plan has not, and for figures that are none."""
    choice, values = facts["choice"], {}
    fits = choice.keys() == spaces.keys() and all(is_in_space(spaces[name], text) for name, text in choice.items())
    require(fits, f"{fault} is of another plan than the one beside it")
    for images, value in facts["values"].items():
        known = images.isdecimal() and len(images) < 18 and (isinstance(value, float) or value in NO_NUMBERS)
        require(known, f"{fault} has figures that are none")
        values[int(images)] = float(value)
    return SearchAttempt(choice, values, facts["end"], facts["why"])
