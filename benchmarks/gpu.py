"""What a GPU makes of saddle's rounds: graphs, exactness, plain loops, and the share of what the GPU can do.

`python benchmarks/gpu.py` needs a CUDA GPU and takes ten minutes at most; each line of `--out` is written as soon as it
is known, so that a run that is cut off keeps what it has, and parts come in the order of their weight:

    machine   rates of matrix products in bfloat16, TF32 and float32, and of copies
    loops     DCGAN at 64 pixels beside the plain PyTorch example; wgan-gp, sn-gan and r3gan beside plain loops
    shares    stylegan2 and r3gan at 256 pixels, biggan at 128: necessary operations beside the bfloat16 rate
    recipes   every recipe: rounds as graphs, rounds as ever, and how far the numbers of 20 rounds are apart in float32

All ratios are medians over neighbouring turns of one process. It has not been run on a GPU yet; a processor plays the
same program without graphs: `python benchmarks/gpu.py --device cpu --rounds 2 --parts recipes --recipes vae-toy`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).parent))

import loops
import step

from saddle.batches import batch_shape, required_columns
from saddle.clock import Clock
from saddle.core import Game
from saddle.data.dataset_table import TOY_SETS
from saddle.errors import Mistake
from saddle.recipe import OnCodes, Recipe, Stage
from saddle.recipes import RECIPES, find_recipe
from saddle.recipes.quick import QUICK
from saddle.recipes.rehearsal import random_batch
from saddle.recipes.revive import override_recipe
from saddle.resolved import assumed_columns
from saddle.shape import Classes, Shape
from saddle.stages import clock_at, plan_stages
from saddle.training.engine import Engine
from saddle.training.machine import Machine, find_machine
from saddle.training.match import Match, MatchOptions
from saddle.training.replay.choice import make_replays

PARTS = ("machine", "loops", "shares", "recipes")
TOTAL = 1_000_000  # images of a run that is begun and left
EQUAL_ROUNDS, TOLERANCE = 20, 1e-5
SHARES = {"stylegan2": (256, 32), "r3gan-ffhq-256": (256, 32), "biggan": (128, 64)}  # size and batch
AIMS = {"dcgan": 5.0, "wgan-gp": 4.0, "sn-gan": 4.0, "share": 0.45}
Play = Callable[[], object]


class Lines:
    """Facts as lines of JSON, each in the file before the next is begun, until time is up."""

    def __init__(self, out: Path | None, seconds: float) -> None:
        self.out = out
        self.until = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        return time.monotonic() > self.until

    def write(self, **facts: Any) -> None:
        line = json.dumps({name: round(v, 5) if isinstance(v, float) else v for name, v in facts.items()})
        print(line, flush=True)
        if self.out:
            with self.out.open("a") as file:
                file.write(line + "\n")


def wait(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def race(tasks: dict[str, Play], device: torch.device, turns: int, each: int) -> dict[str, list[float]]:
    """Seconds of one go of each task, turn by turn; a turn of a task is `each` goes, since a GPU works ahead."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(turns + 1):
        for name, task in tasks.items():
            began = wait(device)
            for _ in range(each):
                task()
            if turn:  # the first warms up
                times[name].append((wait(device) - began) / each)
    return times


def ratio(times: dict[str, list[float]], slow: str, fast: str) -> float:
    return statistics.median(a / b for a, b in zip(times[slow], times[fast], strict=True))


def measure_machine(where: Machine, lines: Lines, small: bool) -> float:
    """Operations a second in bfloat16; told with the others."""
    side, device = 512 if small else 8192, where.device
    found = {}
    for name, kind, exact in (("bfloat16", torch.bfloat16, True), ("tf32", torch.float32, False),
                              ("float32", torch.float32, True)):  # fmt: skip
        if device.type == "cuda":
            find_machine(str(device), "float32", exact)
        a, b = (torch.randn(side, side, device=device).to(kind) for _ in range(2))
        times = race({"product": lambda a=a, b=b: a @ b}, device, 5, 10)  # type: ignore[misc]
        found[name] = 2 * side**3 / statistics.median(times["product"])
    x = torch.empty(2**20 if small else 2**28, device=device)
    times = race({"copy": x.clone}, device, 5, 5)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "processor"
    lines.write(part="machine", name=name, torch=torch.__version__, cuda=torch.version.cuda, **found,
                bytes_a_second=2 * x.numel() * 4 / statistics.median(times["copy"]))  # fmt: skip
    return found["bfloat16"]


def measure_loops(where: Machine, lines: Lines, turns: int) -> None:
    """The plain example beside a default training, with graphs and without."""
    with step.pictures() as data:
        images = next(step.Feed(data, step.Images, step.COUNT, 0, where.device)).image.contiguous()
        tasks: dict[str, Play] = {"plain": step.PlainLoop(images)}
        for name in ("auto", "off"):
            ours = step.Ours(data, where)
            ours.match = Match(step.DCGAN(), data, TOTAL, where, MatchOptions(fast=name))  # type: ignore[arg-type]
            tasks[name] = ours
        times = race(tasks, where.device, turns, 16 if where.device.type == "cuda" else 1)
    lines.write(part="loops", recipe="dcgan", size=64, batch=step.BATCH, aim=AIMS["dcgan"],
                ratio=ratio(times, "plain", "auto"), graphs=ratio(times, "off", "auto"),
                milliseconds=1e3 * statistics.median(times["auto"]))  # fmt: skip
    for name in ("wgan-gp", "sn-gan", "r3gan"):
        if lines.over:
            return
        lines.write(part="loops", aim=AIMS.get(name), **loops.race(name, turns, None, where))


def shape_of(name: str, size: int | None = None) -> Shape:
    """What the recipe plays with by itself, or pictures of a size in colour, of ten classes."""
    recipe, entry = find_recipe(name)
    if size and entry.data not in TOY_SETS:
        return Shape(3, size, size, Classes(10))
    return batch_shape(recipe.batch_type, assumed_columns(entry, required_columns(recipe.batch_type)), "made up")


class Rounds:
    """Rounds of a recipe's last stage on one made-up batch, as graphs or as ever."""

    def __init__(self, recipe: Recipe[Any], data: Shape, where: Machine, fast: bool) -> None:
        torch.manual_seed(0)
        self.stages = plan_stages(recipe, data, TOTAL)
        self.stage: Stage = self.stages[-1]
        game: Game[Any] = recipe.game(data)
        self.game = game.to(where.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        engine = Engine(self.game, self.stage.steps or recipe.steps, precision=where.precision)
        self.said: list[str] = []
        self.replays = make_replays(engine, fast, 1, False, self.said.append)
        self.player: Any = self.replays or engine
        self.batch = random_batch(recipe.batch_type, self.stage.data, self.stage.batch, where.device)
        self.first = self.stages[-2].until if len(self.stages) > 1 else 0
        self.round = 0

    def feed(self) -> Iterator[Any]:
        while True:
            yield self.batch

    def clock(self) -> Clock:
        begun = max(self.first, TOTAL // 2)  # sizes are faded in, and warm-ups over
        return clock_at(self.stages, TOTAL, self.round, begun + self.round * self.stage.batch)

    def __call__(self) -> None:
        self.game.clock = clock = self.clock()
        self.player.play(self.feed(), clock=clock)
        self.round += 1

    def state(self) -> dict[str, Tensor]:
        return {name: t.detach().double().cpu() for name, t in self.game.state_dict().items()}


def recipe_for(name: str, small: bool) -> Recipe[Any]:
    """As the paper has it, or, where time is short, as it trains on its own data."""
    recipe, entry = find_recipe(name)
    return override_recipe(recipe, entry, dict(QUICK.get(name, {}))) if small else recipe


def measure_shares(where: Machine, lines: Lines, turns: int, rate: float, small: bool) -> None:
    """Products' and convolutions' operations a second, forwards and backwards, beside what products reach."""
    for name, (size, batch) in SHARES.items():
        if lines.over:
            return
        recipe, data = find_recipe(name)[0], shape_of(name, size)
        if small:
            recipe, data, batch = recipe_for(name, small), shape_of(name), 4
        recipe = dataclasses.replace(recipe, batch=batch)  # type: ignore[type-var]
        every = max((p.every for p in getattr(recipe, "penalties", ()) if hasattr(p, "every")), default=1)
        rounds = Rounds(recipe, data, where, fast=True)
        with FlopCounterMode(display=False) as counter:  # the first of each kind is played as ever, and counted
            for _ in range(every):
                rounds()
        operations = counter.get_total_flops() / every
        for _ in range(0 if small else every + 1):  # each kind is captured then
            rounds()
        seconds = statistics.median(race({"round": rounds}, where.device, turns, every)["round"])
        lines.write(part="shares", recipe=name, size=data.height, batch=batch, aim=AIMS["share"], seconds=seconds,
                    operations=operations, share=operations / seconds / rate, said=rounds.said)  # fmt: skip


def measure_recipe(name: str, where: Machine, lines: Lines, turns: int, small: bool) -> None:
    """Graphs beside rounds as ever: how much faster, and how far apart in float32."""
    recipe, data = recipe_for(name, small), shape_of(name)
    tasks = {kind: Rounds(recipe, data, where, kind == "graphs") for kind in ("graphs", "ever")}
    times = race(dict(tasks), where.device, turns, 4)
    full = where._replace(precision=torch.float32)
    pair = [Rounds(recipe, data, full, fast) for fast in (True, False)]
    for rounds in pair:
        for _ in range(EQUAL_ROUNDS if not small else turns):
            rounds()
    one, other = (rounds.state() for rounds in pair)
    apart = max(float((t - other[key]).abs().max() / (1 + other[key].abs().max())) for key, t in one.items())
    why = tasks["graphs"].replays.why_not if tasks["graphs"].replays else "; ".join(tasks["graphs"].said)
    lines.write(part="recipes", recipe=name, size=data.height, batch=tasks["ever"].stage.batch,
                ratio=ratio(times, "ever", "graphs"), milliseconds=1e3 * statistics.median(times["graphs"]),
                apart=apart, equal=apart <= TOLERANCE, why_not=why)  # fmt: skip


def measure_recipes(names: list[str], where: Machine, lines: Lines, turns: int, small: bool) -> None:
    for name in names:
        if lines.over:
            lines.write(part="recipes", left=names[names.index(name) :])
            return
        if isinstance(find_recipe(name)[0], OnCodes):
            lines.write(part="recipes", recipe=name, skipped="it plays on the codes of a run")
            continue
        try:
            measure_recipe(name, where, lines, turns, small)
        except (Mistake, RuntimeError) as error:
            lines.write(part="recipes", recipe=name, error=f"{type(error).__name__}: {str(error)[:200]}")
        if where.device.type == "cuda":
            torch.cuda.empty_cache()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", default="cuda", help="cuda, or cpu to see that the program runs")
    parser.add_argument("--rounds", type=int, default=5, help="turns that are timed")
    parser.add_argument("--seconds", type=float, default=540, help="after which nothing more is begun")
    parser.add_argument("--parts", default=",".join(PARTS), help="with commas between")
    parser.add_argument("--recipes", default=",".join(RECIPES), help="with commas between")
    parser.add_argument("--inexact", action="store_true", help="TF32, and algorithms chosen by trying")
    parser.add_argument("--out", type=Path, help="a file that lines are added to")
    chosen = parser.parse_args()
    parts, names, small = chosen.parts.split(","), chosen.recipes.split(","), chosen.device == "cpu"
    if wrong := sorted({*parts} - {*PARTS}) + sorted({*names} - {*RECIPES}):
        raise SystemExit(f"there is no {wrong[0]}; parts are {', '.join(PARTS)}, recipes those of saddle list")
    where = find_machine(chosen.device, "float32" if small else "auto", exact=not chosen.inexact)
    lines, rate = Lines(chosen.out, chosen.seconds), float("nan")
    lines.write(part="begun", device=str(where.device), precision=str(where.precision), why=where.why)
    if "machine" in parts:
        rate = measure_machine(where, lines, small)
        find_machine(chosen.device, exact=not chosen.inexact)
    if "loops" in parts:
        measure_loops(where, lines, chosen.rounds)
    if "shares" in parts:
        measure_shares(where, lines, chosen.rounds, rate, small)
    if "recipes" in parts:
        measure_recipes(names, where, lines, chosen.rounds, small)


if __name__ == "__main__":
    main()
