"""What to try next, and which run to end early: optuna's answers, each from all that was tried before and a seed.

A study is made anew for every question. So an answer depends on nothing but what the sweep's folder keeps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from ..errors import Mistake
from ..extras import install
from ..training.engine import derive_seed
from .ranges import Range, SearchSpace

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

RANDOM_TRIALS = 10  # trials at random, before those that learn from others
MIN_DONE_TRIALS = 5  # trials that have to be done before another one is ended early
INFINITE_AS = 1e300
WARMUP_MEASUREMENTS = 2  # measurements of a trial that do not end it: at first, better steps are often worse off


@dataclass
class SearchAttempt:
    """What was tried, and what came of it."""

    choice: dict[str, str]
    values: dict[int, float] = field(default_factory=dict)  # the figure, measured after so many images
    end: Literal["", "done", "pruned", "failed"] = ""
    why: str = ""  # it failed

    @property
    def value(self) -> float:
        """The last figure; no number if there is none."""
        return self.values[max(self.values)] if self.values else math.nan


@dataclass(frozen=True)
class Sampler:
    """Suggests by a tree of Parzen estimators (Bergstra et al. 2011), and ends what falls behind the median."""

    spaces: Mapping[str, SearchSpace]
    lower: bool  # is a lower figure better?
    seed: int

    def __post_init__(self) -> None:
        require_optuna("--search")

    def suggest(self, attempts: Sequence[SearchAttempt]) -> dict[str, str]:
        """What to try next, as text: nothing that was tried before, so there must be something left."""
        from optuna.samplers import RandomSampler, TPESampler

        tried = [attempt.choice for attempt in attempts]
        for again in count():
            seed = derive_seed(self.seed, len(attempts), again) % 2**32
            sampler = RandomSampler(seed) if again else TPESampler(n_startup_trials=RANDOM_TRIALS, seed=seed)
            drawn = self.make_study(attempts, sampler).ask(self.distributions()).params
            choice = {name: choice_text(space, drawn[name]) for name, space in self.spaces.items()}
            if choice not in tried:
                return choice
        raise AssertionError

    def should_prune(self, attempts: Sequence[SearchAttempt], attempt: SearchAttempt) -> bool:
        """Is the best that a running attempt has measured worse than half of those done had at its age?"""
        from optuna.pruners import MedianPruner

        study = self.make_study(attempts)
        return MedianPruner(n_startup_trials=MIN_DONE_TRIALS, n_warmup_steps=WARMUP_MEASUREMENTS + 1).prune(
            study, self.to_frozen_trial(attempt)
        )

    def make_study(self, attempts: Sequence[SearchAttempt], sampler: BaseSampler | None = None) -> Study:
        import optuna

        study = optuna.create_study(sampler=sampler, direction="minimize" if self.lower else "maximize")
        study.add_trials([self.to_frozen_trial(attempt) for attempt in attempts])
        return study

    def to_frozen_trial(self, attempt: SearchAttempt) -> FrozenTrial:
        """One that failed is told as if ended before its first figure, which counts as worse than any other.

        An infinite figure is told as a very large one: optuna takes medians, of which infinity makes no number.
        """
        from optuna.trial import TrialState, create_trial

        states = {"": TrialState.RUNNING, "done": TrialState.COMPLETE}
        figures = [bound_infinite(attempt.values[images]) for images in sorted(attempt.values)]
        known = [] if attempt.end == "failed" else figures
        return create_trial(
            state=states.get(attempt.end, TrialState.PRUNED), value=figures[-1] if attempt.end == "done" else None,
            params={name: choice_value(space, attempt.choice[name]) for name, space in self.spaces.items()},
            distributions=self.distributions(), intermediate_values=dict(enumerate(known, 1)))  # fmt: skip

    def distributions(self) -> dict[str, BaseDistribution]:
        return {name: to_distribution(space) for name, space in self.spaces.items()}


def require_optuna(option: str) -> None:
    try:
        import optuna
    except ImportError:
        raise Mistake(f"{option} needs optuna, which is not installed; {install('search')}") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # what it has to say, the sweep says


def bound_infinite(value: float) -> float:
    return math.copysign(INFINITE_AS, value) if math.isinf(value) else value


def to_distribution(space: SearchSpace) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(space, Range):
        return CategoricalDistribution(space)
    if space.is_integer:
        return IntDistribution(int(space.low), int(space.high), log=space.log)
    return FloatDistribution(space.low, space.high, log=space.log)


def choice_text(space: SearchSpace, drawn: Any) -> str:
    return space.format_value(drawn) if isinstance(space, Range) else str(drawn)


def choice_value(space: SearchSpace, text: str) -> float | str:
    return space.parse_value(text) if isinstance(space, Range) else text
