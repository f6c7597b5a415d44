"""What a round of a recipe takes of memory and of time, in words and as numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..out_of_memory import available_memory, format_bytes
from ..recipe import Recipe
from ..recipes.machine_choice import choose_machine
from ..recipes.round_cost import RoundCost, count_round, measure_round_speed
from ..shape import Shape
from ..training.machine import Machine, find_machine
from ..training.match import MatchOptions
from ..training.run_length import Speed
from .pages import wrap_text

UNCOUNTED = "How much memory a batch takes is not known, because what this game does depends on the numbers in it."
COUNTED = (
    "That is counted in float32, not tried. It holds weights, gradients, what optimizers remember and the activations "
    "of a round. The program itself comes on top; "
)


def describe_costs(recipe: Recipe[Any], shape: Shape, speed: bool, how: MatchOptions = MatchOptions(),
                   blocks: bool = True, where: Machine | None = None, known: Speed | None = None
                   ) -> Iterator[tuple[str, dict[str, Any]]]:  # fmt: skip
    """Paragraphs, each with its facts for programs. `speed`: play for a moment, where it is known to be one.

    `where`: on this machine, not on the one that `auto` finds. `blocks`: has the game any that `--recompute` could work
    out again? `known`: the speed, if it was found before; it is not measured twice.
    """
    cost = count_round(recipe, shape, how)
    if cost is None:
        yield wrap_text(UNCOUNTED), {}
    else:
        memory = describe_memory(cost, how.accumulate, less_by(cost, blocks and not how.recompute))
        yield wrap_text(memory), {"batch": cost.batch, "bytes": cost.bytes, "operations": cost.flops}
    if not speed:
        return
    found = where or find_machine()

    def choose(here: Machine) -> Machine:
        return where or choose_machine(here, "auto", recipe, shape, how.accumulate)

    if known is None and cost is not None:
        known = measure_round_speed(recipe, shape, found, cost, how, choose)
    if known is not None:
        device = str(found.device)
        facts = {"device": device, "images per second": known.images_per_second, "measured": known.measured}
        yield wrap_text(describe_speed(known, recipe.batch, device, cost)), facts


def less_by(cost: RoundCost, recompute: bool) -> str:
    """What would need less memory: of a batch of one there are no parts."""
    ways = [*(["--accumulate"] if cost.batch > 1 else []), *(["--recompute"] if recompute else []), "fewer bits"]
    *others, last = ways
    return f"{', '.join(others)} and {last} need less" if others else f"{last} need less"


def describe_memory(cost: RoundCost, parts: int, less: str) -> str:
    free, played = available_memory(), f" in {parts} parts" if parts > 1 else ""
    beside = f"; {format_bytes(free)} are free here" if free is not None else ""
    return f"A batch of {cost.batch}{played} takes about {format_bytes(cost.bytes)} of memory{beside}. {COUNTED}{less}."


def describe_speed(speed: Speed, batch: int, device: str, cost: RoundCost | None) -> str:
    rate = f"{speed.images_per_second:.3g} images a second"
    if not speed.measured:
        of = f", reckoned from {cost.flops / cost.batch:.2g} operations an image" if cost else ""
        told = f"about {rate} on {device}{of}."
        return f"A round would take long, or more memory than is free, so none was played: {told}"
    of = "" if speed.batch == batch else f" of {speed.batch} images each"
    samples = "made-up samples" if speed.made_up else "these data"
    return f"Measured here on {device}: {rate}, on rounds{of} of {samples}."
