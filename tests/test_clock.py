"""A schedule tells the ends of its range, and is refused wherever a number of that size would be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest

from saddle.clock import Clock
from saddle.errors import Mistake
from saddle.games import Turns
from saddle.layers.views import Noise
from saddle.objectives import NonSaturating
from saddle.optim import (
    SGD,
    Adam,
    Burst,
    Cosine,
    Exponential,
    Geometric,
    Linear,
    Orthogonal,
    Over,
    Polynomial,
    Ramp,
    RMSprop,
    Warmup,
)
from saddle.penalties import R1, LeCam, Swapped

SCHEDULES = [
    Linear(2.0, -1.0, until=0.5), Linear(0.0, 3.0), Cosine(1.0, 0.2), Cosine(-1.0, 2.0), Geometric(2.0, 0.02),
    Polynomial(2.0, -1.0, power=0.75), Polynomial(0.0, 3.0, 2.0),
    Over(Cosine(3.0, 1.0), 400, after=50), Warmup(4.0, 80), Warmup(-2.0, 80), Warmup(Linear(3.0, 1.0), 10),
    Ramp(0.5, 0.7, 10), Exponential(0.1, 1.5, floor=0.01), Exponential(0.1, 2), Exponential(0.3, 1.0, floor=0.3),
    Burst(), Burst(0.5, 2.0, first=3, again=7),
]  # fmt: skip


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_a_schedule_never_leaves_its_ends_and_comes_to_its_highest(schedule):
    clocks = [Clock(r, 5 * r, min(r / 200, 1.0)) for r in range(3000)]
    values = [schedule(clock) for clock in clocks]
    low, high = min(schedule.ends), max(schedule.ends)
    assert low - 1e-12 <= min(values) and max(values) <= high + 1e-12
    if not isinstance(schedule, Warmup):  # what it leads to may have gone on meanwhile
        assert max(values) == pytest.approx(high) and min(values) == pytest.approx(low, abs=1e-9)


@pytest.mark.parametrize(("make", "field", "end"), [
    (lambda: R1(Linear(1, -3)), "R1's weight", -3),
    (lambda: LeCam(Ramp(0, -0.5, 10)), "LeCam's weight", -0.5),
    (lambda: R1(Linear(math.nan)), "R1's weight", math.nan),
    (lambda: R1(Over(Linear(1, -3), 100)), "R1's weight", -3),
    (lambda: R1(Warmup(Cosine(1, -2), 100)), "R1's weight", -2),
    (lambda: Noise(Linear(0.3, -1)), "Noise's std", -1),
    (lambda: Adam(Linear(1e-4, -1e-4)), "Adam's lr", -1e-4),
    (lambda: RMSprop(Burst(math.inf, 1)), "RMSprop's lr", math.inf),
    (lambda: SGD(0.01, Linear(0.5, 2)), "SGD's momentum", 2),
    (lambda: Orthogonal(weight=Cosine(1, -1)), "Orthogonal's weight", -1),
    (lambda: Swapped(NonSaturating(), Linear(0.9, 0)), "Swapped's weight", 0.9),
    (lambda: Turns(critic=Linear(3, 0)), "the number of the critic's moves in a round", 0),
    (lambda: Turns(generator=Linear(1, -1)), "the number of the generator's moves in a round", -1),
    (lambda: Turns(critic=Warmup(5, 100)), "the number of the critic's moves in a round", 0.0),
])  # fmt: skip
def test_a_schedule_is_refused_for_the_end_that_does_not_fit(make: Callable[[], object], field: str, end: float):
    with pytest.raises(Mistake, match=rf"^{field} is .*, which reaches {re.escape(str(end))}, but should be "):
        make()


def test_numbers_are_refused_in_the_same_words_and_what_tells_no_ends_is_taken():
    with pytest.raises(Mistake, match=r"^R1's weight is -3, but should be 0 or more$"):
        R1(-3)
    with pytest.raises(Mistake, match=r"^SGD's momentum is 1.0, but should be in \[0, 1\)$"):
        SGD(momentum=1.0)
    assert SGD(lambda clock: 0.1 / (1 + clock.round), Linear(0.5, 0.9)) and Turns(lambda clock: 5) and R1(Linear(1, 0))


@pytest.mark.parametrize(("make", "says"), [
    (lambda: Exponential(1e-6, 0.9), "is 0.9, but the value is divided by it .* give 1.11111 to multiply by 0.9"),
    (lambda: Exponential(1e-4, 0), "is 0, but the value is divided by it each round, so it should be 1 or more$"),
    (lambda: Exponential(1e-4, 2, floor=1e-3), "from 0.0001 to 0.001, but should fall"),
    (lambda: Exponential(1e-4, 2, floor=-1), "not below 0"),
    (lambda: Burst(again=0), "high again every 0 rounds"),
    (lambda: Burst(first=-1), "the first -1 rounds"),
])  # fmt: skip
def test_what_a_schedule_cannot_be(make: Callable[[], object], says: str):
    with pytest.raises(Mistake, match=says):
        make()


def test_no_round_is_too_late():
    assert Exponential(0.1, 2.0, floor=1e-6)(Clock(10**6)) == 1e-6
