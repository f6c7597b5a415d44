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
from ..training.engine import mix
from .spans import Space, Span

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

FIRST = 10  # trials at random, before those that learn from others
JUDGES = 5  # trials that have to be done before another one is ended early
FAR = 1e300
SPARED = 2  # measurements of a trial that do not end it: at first, better steps are often worse off


@dataclass
class Attempt:
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
class Advisor:
    """Suggests by a tree of Parzen estimators (Bergstra et al. 2011), and ends what falls behind the median."""

    spaces: Mapping[str, Space]
    lower: bool  # is a lower figure better?
    seed: int

    def __post_init__(self) -> None:
        try:
            import optuna
        except ImportError:
            raise Mistake(f"--search needs optuna, which is not installed; {install('search')}") from None
        optuna.logging.set_verbosity(optuna.logging.ERROR)  # what it has to say, the sweep says

    def suggest(self, attempts: Sequence[Attempt]) -> dict[str, str]:
        """What to try next, as text: nothing that was tried before, so there must be something left."""
        from optuna.samplers import RandomSampler, TPESampler

        tried = [attempt.choice for attempt in attempts]
        for again in count():
            seed = mix(self.seed, len(attempts), again) % 2**32
            sampler = RandomSampler(seed) if again else TPESampler(n_startup_trials=FIRST, seed=seed)
            drawn = self.study(attempts, sampler).ask(self.distributions()).params
            choice = {name: said(space, drawn[name]) for name, space in self.spaces.items()}
            if choice not in tried:
                return choice
        raise AssertionError

    def behind(self, attempts: Sequence[Attempt], attempt: Attempt) -> bool:
        """Is the best that a running attempt has measured worse than half of those done had at its age?"""
        from optuna.pruners import MedianPruner

        study = self.study(attempts)
        return MedianPruner(n_startup_trials=JUDGES, n_warmup_steps=SPARED + 1).prune(study, self.remembered(attempt))

    def study(self, attempts: Sequence[Attempt], sampler: BaseSampler | None = None) -> Study:
        import optuna

        study = optuna.create_study(sampler=sampler, direction="minimize" if self.lower else "maximize")
        study.add_trials([self.remembered(attempt) for attempt in attempts])
        return study

    def remembered(self, attempt: Attempt) -> FrozenTrial:
        """One that failed is told as if ended before its first figure, which counts as worse than any other.

        An infinite figure is told as a very large one: optuna takes medians, of which infinity makes no number.
        """
        from optuna.trial import TrialState, create_trial

        states = {"": TrialState.RUNNING, "done": TrialState.COMPLETE}
        figures = [bounded(attempt.values[images]) for images in sorted(attempt.values)]
        known = [] if attempt.end == "failed" else figures
        return create_trial(
            state=states.get(attempt.end, TrialState.PRUNED), value=figures[-1] if attempt.end == "done" else None,
            params={name: meant(space, attempt.choice[name]) for name, space in self.spaces.items()},
            distributions=self.distributions(), intermediate_values=dict(enumerate(known, 1)))  # fmt: skip

    def distributions(self) -> dict[str, BaseDistribution]:
        return {name: distribution(space) for name, space in self.spaces.items()}


def bounded(value: float) -> float:
    return math.copysign(FAR, value) if math.isinf(value) else value


def distribution(space: Space) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(space, Span):
        return CategoricalDistribution(space)
    if space.whole:
        return IntDistribution(int(space.low), int(space.high), log=space.log)
    return FloatDistribution(space.low, space.high, log=space.log)


def said(space: Space, drawn: Any) -> str:
    return space.written(drawn) if isinstance(space, Span) else str(drawn)


def meant(space: Space, text: str) -> float | str:
    return space.read(text) if isinstance(space, Span) else text
