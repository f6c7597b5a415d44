"""Which precision and memory layout a processor is fastest with, measured on a recipe's own convolutions.

What a processor says of itself is no answer: with the units for bfloat16 some versions of torch are slower in it, and
channels last may help forwards and cost backwards.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from math import prod
from typing import NamedTuple

import torch

SECONDS = 0.5  # that all measuring may take
OPERATIONS, FIRST_OPERATIONS = 1.5e8, 1e7  # of what is timed at once, and of what first shows which forms are hopeless
HOPELESS = 3  # times slower than the fastest: not measured any further
MOST_SHAPES = 6  # convolutions that are measured: those with most of the arithmetic
CLOCK = time.perf_counter if sys.platform == "win32" else time.thread_time  # which other work delays least
GAIN = 1.1  # times faster than what is safe, before anything else is taken


class Convolution(NamedTuple):
    """One that a network does, in the words of `torch.convolution`; `reduced`: may it be done in bfloat16?"""

    input: tuple[int, ...]
    weight: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    transposed: bool
    output_padding: tuple[int, ...]
    groups: int
    reduced: bool

    @property
    def operations(self) -> float:
        """Of one pass forwards and backwards: a product for each weight and place, three times."""
        places = prod(self.input[2:]) if self.transposed else prod(self.output_size[1:])
        return 6.0 * self.input[0] * places * prod(self.weight)

    @property
    def output_size(self) -> tuple[int, ...]:
        """Channels, height and width of what comes out."""
        sides = [*zip(self.input[2:], self.weight[2:], self.stride, self.padding, self.dilation, strict=True)]
        if self.transposed:
            spread = ((n - 1) * step - 2 * pad + gap * (side - 1) + 1 for n, side, step, pad, gap in sides)
            more = zip(spread, self.output_padding, strict=True)
            return (self.weight[1] * self.groups, *(n + extra for n, extra in more))
        shrunk = ((n + 2 * pad - gap * (side - 1) - 1) // step + 1 for n, side, step, pad, gap in sides)
        return (self.weight[0], *shrunk)

    def shrunk(self, operations: float) -> Convolution:
        """The same of fewer rows, then of smaller pictures, until it takes no more operations than these."""
        rows = max(1, min(self.input[0], int(operations // (self.operations / self.input[0]))))
        small = self._replace(input=(rows, *self.input[1:]))
        reach = [4 * gap * side for side, gap in zip(self.weight[2:], self.dilation, strict=True)]
        while small.operations > operations:
            sides = tuple(max(least, n // 2) if n > least else n
                          for n, least in zip(small.input[2:], reach, strict=True))  # fmt: skip
            if sides == small.input[2:]:
                break
            small = small._replace(input=(rows, self.input[1], *sides))
        return small


class Form(NamedTuple):
    """How convolutions are done."""

    precision: torch.dtype
    channels_last: bool


FORMS = [Form(precision, last) for precision in (torch.float32, torch.bfloat16) for last in (True, False)]
Timer = Callable[[Convolution, Form], float]  # seconds of one pass forwards and backwards


class Fastest(NamedTuple):
    """What was found: the form to take, and how many times faster bfloat16 is than float32, each in its best layout."""

    form: Form
    gain: float


def time_convolution(one: Convolution, form: Form) -> float:
    """Seconds of one pass forwards and backwards, of numbers that mean nothing."""
    layout = torch.channels_last if form.channels_last and len(one.input) == 4 else torch.contiguous_format
    x, weight = (torch.full(size, 0.01, dtype=form.precision).contiguous(memory_format=layout)
                 for size in (one.input, one.weight))  # fmt: skip
    how = one.stride, one.padding, one.dilation, one.transposed, one.output_padding, one.groups
    began = CLOCK()
    y = torch.convolution(x, weight, None, *how)
    torch.ops.aten.convolution_backward(y, x, weight, None, *how, [True, True, False])
    return CLOCK() - began


def find_fastest(counts: Mapping[Convolution, int], timer: Timer = time_convolution,
                 seconds: float = SECONDS) -> Fastest:  # fmt: skip
    """The form in which so many of each convolution take the least time, as far as `seconds` of measuring tell.

    All forms are timed in turn, of each turn's times the least ones count, as other work only delays, and every second
    turn is judged by itself: where the two halves differ it is a tie. Ties go to float32, and to channels last. What
    must be done in float32 is counted so in every form.
    """
    began = time.monotonic()
    most = sorted(counts, key=lambda one: -one.operations * counts[one])[:MOST_SHAPES]
    small = {one: one.shrunk(OPERATIONS) for one in most}
    forms = promising_forms(most[0].shrunk(FIRST_OPERATIONS), timer)
    times: dict[tuple[Convolution, Form], list[float]] = {}
    for one in cycle(dict.fromkeys(small.values())):
        for form in forms:
            times.setdefault((one, form), []).append(timer(one, form))
        if max(time.monotonic() - began, sum(map(sum, times.values()))) > seconds:
            break

    def total(form: Form, half: int) -> float:
        safe = form._replace(precision=torch.float32)
        each = ((one, times.get((small[one], form if one.reduced else safe))) for one in most)
        return sum(
            counts[one] * one.operations / small[one].operations * least(measured, half)
            for one, measured in each
            if measured is not None
        )

    return agree(*(choose_form({form: total(form, half) for form in forms}) for half in range(2)))


def least(measured: Sequence[float], half: int) -> float:
    """Of every second turn; the very first only warms up."""
    warm = measured[1:] or measured
    return min(warm[half::2] or warm)


def agree(*found: Fastest) -> Fastest:
    """What several measurements tell of the same: what they do not agree on is a tie."""
    half = all(one.form.precision == torch.bfloat16 for one in found)
    precision = torch.bfloat16 if half else torch.float32
    return Fastest(Form(precision, any(one.form.channels_last for one in found)), min(one.gain for one in found))


def promising_forms(one: Convolution, timer: Timer) -> list[Form]:
    """Those that are not much slower than float32, which an emulated bfloat16 is by far."""
    times = {form: min(timer(one, form), timer(one, form)) for form in FORMS}
    least = min(seconds for form, seconds in times.items() if form.precision == torch.float32)
    return [form for form in FORMS if form.precision == torch.float32 or times[form] < HOPELESS * least]


def choose_form(totals: Mapping[Form, float]) -> Fastest:
    """The fastest; float32, and channels last, unless another is faster by more than chance."""
    best = {precision: choose_layout({form: t for form, t in totals.items() if form.precision == precision})
            for precision in dict.fromkeys(form.precision for form in totals)}  # fmt: skip
    safe = best[torch.float32]
    fast = best.get(torch.bfloat16)
    gain = totals[safe] / totals[fast] if fast else 0.0
    return Fastest(fast if fast and gain >= GAIN else safe, gain)


def choose_layout(totals: Mapping[Form, float]) -> Form:
    fastest = min(totals, key=lambda form: totals[form])
    last = fastest._replace(channels_last=True)
    return fastest if last not in totals or totals[last] >= GAIN * totals[fastest] else last
