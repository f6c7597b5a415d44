"""Squared slopes without a second derivative: how far the score moves to a point nearby, in a random direction."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ..core import Judge, Judged, per_score, upcast
from ..errors import require
from ..parts import CURRENT_SHARD, draw_rows
from ..parts.replay import Replay
from ..precision import full_precision

LEAST_DISTANCE = 1e-4  # below it float32 rounds the difference of two scores away


def mean_nearby_sq(judge: Judge, at: Judged, distance: float, share: float = 1.0) -> Tensor:
    """The mean of ((D(x + s e) - D(x)) / s)^2 over samples, e ~ N(0, I) and s the distance. arXiv:2501.08316.

    For small s its expectation is that of the squared slope. The gradient goes through both scores. All in float32:
    the difference of two scores is far smaller than they are. `share` takes so many of the samples, evenly spread.
    """
    rows, total = spread_rows(len(at.score), share)
    x = upcast(at.sample.detach())
    e = draw_rows(torch.randn, x, *x.shape[1:])
    pack = len(x) // len(at.score)
    samples = [row * pack + i for row in rows for i in range(pack)]
    if len(rows) < len(at.score):
        x, e = x[samples], e[samples]
        judge = replace(judge, condition=None if judge.condition is None else judge.condition[samples])
    if not rows:
        return 0 * at.score.sum()
    moved, here = score_twice(judge, x + distance * e, x, at.score[rows])
    return ((moved - here) / distance).square().sum() * CURRENT_SHARD.get().count / total


def spread_rows(n: int, share: float) -> tuple[list[int], int]:
    """Which of this part's n rows such a share of the whole batch takes, and how many it takes of all."""
    first, total = CURRENT_SHARD.get().rows(n)
    until = [int(i * share + 1e-9) for i in range(first, first + n + 1)]
    taken = int(total * share + 1e-9)
    require(taken > 0, f"a share of {share:g} of {total} samples is none; give share={min(1.0, 1 / total):.2g} or more")
    return [i for i in range(n) if until[i + 1] > until[i]], taken


def score_twice(judge: Judge, moved: Tensor, x: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """The scores of both, (n,), of a critic that draws the same and begins with the same buffers each time.

    Where a pass draws nothing, writes nothing and is in full precision anyway, the score of x is `known`.
    """
    before = Replay(judge.critic)
    exact = not torch.is_autocast_enabled(x.device.type)
    with full_precision(x):
        there = judge(moved).score
        if exact and before.is_untouched():
            here = known
        else:
            with before.again():
                here = judge(x).score
    return per_score(there, there).mean(1), per_score(here, here).mean(1)
