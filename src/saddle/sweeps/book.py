"""A search's book: what was tried and what came of it, in a file of its folder; what is tried next stands on that."""

from __future__ import annotations

import dataclasses
import math
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal, TypedDict

from ..errors import Failure, plural, require
from ..metrics.figures import written
from ..reports.reading import Run
from ..runs.folder import Folder, write_json
from ..runs.manifest import Manifest
from ..runs.settings import Settings
from ..schema import conform, read_json
from .plan import Plan, Trial
from .spans import Space, chooses
from .study import Advisor, Attempt
from .work import Reading
from .workers import Host

FORMAT = "saddle search 1"
FILE = "search.json"
NO_NUMBERS = ("inf", "-inf", "nan")  # as figures that are no finite number are written
ENDS = {"done": "", "pruned": " (ended early)", "failed": " (failed)", "": " (not finished)"}


class Tried(TypedDict):
    """An attempt as JSON."""

    choice: dict[str, str]
    values: dict[str, float | str]
    end: Literal["", "done", "pruned", "failed"]
    why: str


class Kept(TypedDict):
    """The book as JSON."""

    format: str
    attempts: list[Tried]


class Book(Host):
    """Chooses what to try, writes down what comes of it, and ends what falls behind."""

    asked = True

    def __init__(self, plan: Plan, folder: Path, advisor: Advisor, metric: str, said: Callable[[str], None]) -> None:
        super().__init__(lambda trial, what: said(f"{number(trial)} of {plan.search}, {trial.group}: {what}"))
        self.plan, self.folder, self.advisor, self.metric = plan, folder, advisor, metric
        self.attempts = read(folder / FILE, plan.spaces)

    def keep(self) -> None:
        facts = [
            dataclasses.asdict(a) | {"values": {n: written(v) for n, v in a.values.items()}} for a in self.attempts
        ]
        write_json(self.folder / FILE, {"format": FORMAT, "figure": self.metric, "attempts": facts})

    def trials(self) -> Iterator[Trial]:
        """What was begun, then new ones, each chosen when it is asked for."""
        yield from [self.trial(attempt) for attempt in self.attempts if not attempt.end]
        while len(self.attempts) < (self.plan.search or 0):
            self.attempts.append(Attempt(self.advisor.suggest(self.attempts)))
            self.keep()
            yield self.trial(self.attempts[-1])

    def trial(self, attempt: Attempt) -> Trial:
        seed = self.plan.settings.get("seed", 0)
        return self.plan.trial(self.attempts.index(attempt) + 1, attempt.choice, seed)

    def of(self, trial: Trial) -> Attempt:
        return self.attempts[number(trial) - 1]

    def goes_on(self, trial: Trial, reading: Reading) -> bool:
        """Decided once, and written down before the run hears of it; an infinite figure is a bad one, but a figure."""
        attempt = self.of(trial)
        attempt.values[reading.images] = reading.value
        if not reading.last and self.advisor.behind(self.attempts, attempt):
            attempt.end = "pruned"
        self.keep()
        return attempt.end != "pruned"

    def pruned(self, trial: Trial) -> None:
        images, value = max(self.of(trial).values.items())
        self.told(trial, f"ended early at {images:,} images, as {self.metric} {value:.4g} falls behind")

    def done(self, trial: Trial) -> None:
        attempt = self.of(trial)
        if math.isnan(attempt.value):
            last = f"its last {self.metric} is no number"
            self.failed(trial, last if attempt.values else "it was never measured")
            return
        attempt.end = "done"
        self.keep()
        best = ", the best so far" if self.best() is attempt else ""
        self.told(trial, f"done, {self.metric} {attempt.value:.4g}{best}")

    def failed(self, trial: Trial, sentence: str) -> None:
        attempt = self.of(trial)
        attempt.end, attempt.why = "failed", sentence
        self.keep()
        super().failed(trial, sentence)

    def ranked(self) -> list[Attempt]:
        """The best first: what was done, by its figure; what was ended early, the later the better; what failed."""

        def rank(attempt: Attempt) -> tuple[object, ...]:
            value = attempt.value if self.advisor.lower else -attempt.value
            age = 0 if attempt.end == "done" else -max(attempt.values, default=0)
            return list(ENDS).index(attempt.end), age, math.inf if math.isnan(value) else value

        return sorted(self.attempts, key=rank)

    def best(self) -> Attempt:
        """Failure if no run came to its end."""
        best = self.ranked()[0]
        if best.end != "done":
            raise Failure(f"of {plural(len(self.attempts), 'run')} of {self.folder} none came to its end"
                          f"{''.join(f'; {sentence}' for sentence in self.failures())}")  # fmt: skip
        return best

    def sentence(self) -> str:
        """What was best, of how many."""
        best = self.best()
        told = ((sum(a.end == end for a in self.attempts), what) for end, what in
                (("pruned", "of them ended early"), ("failed", "failed")))  # fmt: skip
        more = "".join(f", {n} {what}" for n, what in told if n)
        all_ = f"of {plural(len(self.attempts), 'run')}{more}"
        return f"{self.trial(best).group} with {self.metric} {best.value:.4g}, {all_}"

    def failures(self) -> list[str]:
        return [f"{self.trial(attempt).name} failed: {attempt.why}" for attempt in self.attempts if attempt.why]

    def runs(self) -> list[Run]:
        """All that were begun, the best first."""
        found = []
        for attempt in self.ranked():
            trial = self.trial(attempt)
            if (self.folder / trial.name / "manifest.json").exists():
                place, title = Folder.found(self.folder / trial.name), trial.group + ENDS[attempt.end]
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


def number(trial: Trial) -> int:
    return int(trial.name.partition("-")[0])


def read(path: Path, spaces: Mapping[str, Space]) -> list[Attempt]:
    """What was tried so far; Mistake for a file that does not tell."""
    if not path.exists():
        return []
    fault = f"{path} does not tell what was tried"
    facts = conform(read_json(path, fault), Kept, fault)
    require(facts["format"] == FORMAT, f"{path} was written in another format than {FORMAT!r}")
    return [attempt(tried, spaces, f"{fault}: attempts[{i}]") for i, tried in enumerate(facts["attempts"])]


def attempt(facts: Tried, spaces: Mapping[str, Space], fault: str) -> Attempt:
    """One attempt as it was written; Mistake for a choice that the plan has not, and for figures that are none."""
    choice, values = facts["choice"], {}
    fits = choice.keys() == spaces.keys() and all(chooses(spaces[name], text) for name, text in choice.items())
    require(fits, f"{fault} is of another plan than the one beside it")
    for images, value in facts["values"].items():
        known = images.isdecimal() and len(images) < 18 and (isinstance(value, float) or value in NO_NUMBERS)
        require(known, f"{fault} has figures that are none")
        values[int(images)] = float(value)
    return Attempt(choice, values, facts["end"], facts["why"])
