"""What a round takes beside its networks' passes: `python benchmarks/overhead.py` (a minute).

A default training's rounds (feed, engine, averaged generator, record) of dcgan at 64 pixels and of a toy in the plane.
Of the thread's own time, which other work on the machine touches little, what the game does (forwards, losses, slopes
within them) and what torch does backwards are taken off, and the rest is told by part. Bars: 3 % of dcgan's round,
0.3 ms of the toy's.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from saddle.data import ArrayDataset, Prepare, open_data
from saddle.recipe import Recipe
from saddle.recipes import find_recipe
from saddle.training.loop import READ_EVERY
from saddle.training.machine import find_machine
from saddle.training.match import Match
from saddle.training.record import Record

Spent = defaultdict[str, float]


def timed(spent: Spent, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose seconds are added to a part's."""

    def measured(*args: Any, **kwargs: Any) -> Any:
        began = time.thread_time()
        try:
            return function(*args, **kwargs)
        finally:
            spent[part] += time.thread_time() - began

    return measured


def watch_game(spent: Spent, match: Match[Any]) -> None:
    """Every step of the game's rounds counts as the game's."""
    play = match.game.round

    def watched(*args: Any) -> Iterator[Any]:
        steps = play(*args)
        answer = timed(spent, "game", lambda: next(steps, None))
        while (turn := answer()) is not None:
            yield turn

    match.game.round = watched  # type: ignore[method-assign]


def rounds(recipe: Recipe[Any], data: Any, seconds: float) -> tuple[float, dict[str, float]]:
    """Seconds of a round, and by part, in the middle of all rounds."""
    match = Match(recipe, data, 1_000_000, find_machine("cpu", "float32"))
    record, spent = Record(None), Spent(float)
    watch_game(spent, match)
    for optimizer in match.engine.optimizers.values():
        optimizer.step = timed(spent, "optimizers", optimizer.step)  # type: ignore[method-assign]
    if match.ema:
        match.ema.update = timed(spent, "average", match.ema.update)  # type: ignore[method-assign]
    match.engine.make_shards = timed(spent, "seeds", match.engine.make_shards)  # type: ignore[method-assign]
    for feed in match.feeds:
        type(feed).__next__ = timed(spent, "data", type(feed).__next__)  # type: ignore[method-assign]
    backward, torch.autograd.backward = torch.autograd.backward, timed(spent, "backward", torch.autograd.backward)
    measured: list[dict[str, float]] = []
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end or len(measured) < 6:
            spent.clear()
            began = time.thread_time()
            clock, report = match.play()
            record.add(clock, report)
            if clock.round % READ_EVERY == READ_EVERY - 1:
                record.read()
            measured.append(dict(spent) | {"round": time.thread_time() - began})
    finally:
        torch.autograd.backward = backward
    middle = {part: statistics.median(one.get(part, 0.0) for one in measured[2:]) for part in measured[-1]}
    whole = middle.pop("round")
    middle["game"] -= middle.get("data", 0.0)  # which is taken within its steps
    return whole, middle


def report(name: str, recipe: Recipe[Any], data: Any, seconds: float, bar: str) -> None:
    whole, parts = rounds(recipe, data, seconds)
    own = whole - parts.pop("game") - parts.pop("backward")
    parts["the engine itself"] = own - sum(parts.values())
    told = ", ".join(f"{part} {1e3 * spent:.3f}" for part, spent in parts.items())
    print(f"{name}: a round {1e3 * whole:.2f} ms, beside its networks' passes {1e3 * own:.3f} ms, {own / whole:.1%} "
          f"(bar {bar}): {told} ms")  # fmt: skip


def main() -> None:
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("--only", nargs="+", default=["toy", "dcgan"], choices=("toy", "dcgan"))
    given.add_argument("--seconds", type=float, default=20.0, help="of each")
    wish = given.parse_args()
    torch.set_num_threads(1)
    if "toy" in wish.only:
        points = open_data("ring", Prepare(), lambda sentence: None)
        report("r1-toy", find_recipe("r1-toy")[0], points, wish.seconds, "0.3 ms")
    if "dcgan" in wish.only:
        pixels = np.random.default_rng(0).integers(0, 256, (256, 64, 64, 3), np.uint8)
        report("dcgan 64", find_recipe("dcgan")[0], ArrayDataset("made up", pixels), wish.seconds, "3 %")


if __name__ == "__main__":
    main()
