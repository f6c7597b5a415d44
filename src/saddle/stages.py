"""Where in its stages a run stands: pure functions of the images shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .clock import Clock
from .errors import require
from .recipe import Recipe, Stage
from .shape import Shape


def plan_stages(recipe: Recipe[Any], data: Shape, images: int) -> tuple[Stage, ...]:
    """The stages of a run of so many images; Mistake for none, or for one that ends before the one before it.

    Stages of fixed lengths may be longer than the run, which then ends in one of them.
    """
    stages = tuple(recipe.stages(data, images))
    ends = [min(stage.until, images) for stage in stages]
    name = type(recipe).__name__
    require(bool(stages), f"{name}.stages gives no stage, but a run has one or more")
    require(ends == sorted(ends), f"the stages of {name} end at {', '.join(f'{end:,}' for end in ends)} images, but "
                                  "each should end after the one before it")  # fmt: skip
    return stages


def stage_index(stages: Sequence[Stage], images: int) -> int:
    """The number of the stage that so many images lie in; after the last one's end it goes on."""
    return next((i for i, stage in enumerate(stages) if images < stage.until), len(stages) - 1)


def clock_at(stages: Sequence[Stage], total: int, round: int, images: int) -> Clock:
    """What time it is after so many rounds and images of a run of `total` images."""
    i = stage_index(stages, images)
    first = stages[i - 1].until if i else 0
    until = max(stages[i].until, total) if i == len(stages) - 1 else stages[i].until
    stage_share = min((images - first) / (until - first), 1.0) if until > first else 1.0
    return Clock(round, images, min(images / total, 1.0), i, stage_share)


def stage_starts(stages: Sequence[Stage], total: int) -> list[Clock]:
    """What time it is as each stage begins, also of those that a run of so many images does not come to."""
    first = dict.fromkeys([0, *(stage.until for stage in stages[:-1])])
    return [clock_at(stages, total, 0, images) for images in first]


def count_rounds(stages: Sequence[Stage], total: int) -> int:
    """About how many rounds a run of so many images has, with a batch in each."""
    ends = [*(min(stage.until, total) for stage in stages[:-1]), total]
    return sum((end - first) // stage.batch for stage, first, end in zip(stages, [0, *ends], ends, strict=False))


def full_size_from(stages: Sequence[Stage], data: Shape, total: int) -> int | None:
    """Images from which on a run of so many plays at the data's own size; None if it never comes to that."""
    full = next((i for i, stage in enumerate(stages) if stage.data == data), None)
    first = stages[full - 1].until if full else 0
    return None if full is None or first >= total else first
