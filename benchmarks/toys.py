"""Which method catches how many modes: ring and grid, the same small networks, the same number of rounds.

`python benchmarks/toys.py` plays every method on both toys and writes docs/toys.md. Each run that is over is a line in
a file, so that the command goes on where it stopped; several may work at once, each on some of the methods or toys.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import statistics
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import torch
from toys_methods import COMMON, METHODS, TUNED, recipe

from saddle.data.toys import sample_toy, toy_modes
from saddle.metrics.modes import MixtureCoverage, count_mixture_modes
from saddle.theory.modes import MODE_SAMPLES, sample_points, train_on_toy

HERE = Path(__file__).parent
TOYS = ("ring", "grid")
ROUNDS = 2000  # of each method: 10 to 35 seconds on a busy core
LENGTH, SEEDS = 5000, 5  # rounds and seeds of the presets, beyond the table: what is asked of them takes so many
Run = dict[str, Any]
Key = tuple[str, str, int, int]  # method, toy, seed, rounds


def play(name: str, data: str, seed: int, rounds: int) -> Run:
    """One run, measured. Seconds are the processor's: on a busy machine a clock on the wall tells of the others."""
    began, value = time.process_time(), recipe(name)
    match = train_on_toy(value, data, rounds, seed)
    seconds = time.process_time() - began
    found = count_mixture_modes(sample_points(match), *toy_modes(data))
    return {"method": name, "data": data, "seed": seed, "rounds": rounds, **found._asdict(),
            "seconds": round(seconds, 1), "images": match.clock.images, "recipe": repr(value)}  # fmt: skip


def plan(chosen: argparse.Namespace) -> Iterator[Key]:
    """The table's runs, and the presets' at length."""
    names = chosen.methods or (*TUNED, *METHODS)
    yield from product(names, chosen.data, range(chosen.seeds), (ROUNDS,))
    yield from product((name for name in names if name in TUNED), chosen.data, range(SEEDS), (LENGTH,))


def current(file: Path) -> dict[Key, Run]:
    """The runs in a file whose recipes are what they are today."""
    runs = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    today = {name: repr(recipe(name)) for name in (*TUNED, *METHODS)}
    return {(run["method"], run["data"], run["seed"], run["rounds"]): run for run in runs
            if today.get(run["method"]) == run["recipe"]}  # fmt: skip


def work(chosen: argparse.Namespace) -> None:
    """Play what is not there yet, a line in the file for each run, until the time is up."""
    ends = time.monotonic() + 60 * chosen.minutes
    for key in sorted(plan(chosen), key=lambda key: key[:1:-1]):  # seed by seed: what is there so far makes a table
        if key in current(chosen.runs):
            continue
        if time.monotonic() > ends:
            break
        run = play(*key)
        with chosen.runs.open("a") as file:  # one short line in one write: several processes do not mix theirs
            file.write(json.dumps(run) + "\n")
        print(f"{key[0]:18} {key[1]} seed {key[2]}: {run['modes']:2} modes, {run['high_quality']:6.1%} high quality, "
              f"reverse KL {run['reverse_kl']:.3f}, {run['seconds']:.0f} s", flush=True)  # fmt: skip


def floor(data: str) -> Run:
    """What as many points of the data itself get: the medians of 100 draws."""
    draws = [
        count_mixture_modes(torch.from_numpy(sample_toy(data, MODE_SAMPLES, seed)), *toy_modes(data))
        for seed in range(1000, 1100)
    ]
    return {field: statistics.median(getattr(found, field) for found in draws) for field in MixtureCoverage._fields}


def spread(values: list[float], form: Callable[[float], str]) -> str:
    """The median and, where it says more, the range."""
    low, middle, high = form(min(values)), form(statistics.median(values)), form(max(values))
    return middle if low == high else f"{middle} ({low} to {high})"


HEADS = ["modes", "high quality, %", "reverse KL, nats"]
FORMS: dict[str, Callable[[float], str]] = {
    "modes": lambda n: f"{n:g}",
    "high_quality": lambda share: f"{100 * share:.1f}",
    "reverse_kl": lambda nats: f"{nats:.3f}",
}


def row(name: str, runs: list[Run]) -> list[str]:
    """A method's line for one toy."""
    cells = [spread([run[field] for run in runs], form) for field, form in FORMS.items()]
    return [name, *cells, f"{statistics.median(run['seconds'] for run in runs):.0f}", str(len(runs))]


def table(data: str, runs: dict[Key, Run]) -> list[str]:
    """The best first: by modes, then by the evenness of what is caught."""
    there = {name: [run for key, run in runs.items() if (key[0], key[1], key[3]) == (name, data, ROUNDS)]
             for name in (*TUNED, *METHODS)}  # fmt: skip

    def rank(name: str) -> tuple[float, float]:
        modes, kl = (statistics.median(run[field] for run in there[name]) for field in ("modes", "reverse_kl"))
        return -modes, kl

    best = floor(data)
    rows = [["*a perfect sampler*", *(form(best[field]) for field, form in FORMS.items()), "", ""]]
    rows += [row(f"`{name}`", there[name]) for name in sorted(filter(there.get, there), key=rank)]
    return lines(["method", *HEADS, "seconds", "seeds"], rows, words=1)


def presets(runs: dict[Key, Run]) -> list[str]:
    """Every seed of those that are tuned, a line each."""
    rows = [[f"`{key[0]}`", key[1], str(key[2]), *(form(run[field]) for field, form in FORMS.items())]
            for key, run in sorted(runs.items()) if key[0] in TUNED and key[3] == LENGTH]  # fmt: skip
    return lines(["preset", "toy", "seed", *HEADS], rows, words=2)


def lines(heads: list[str], rows: list[list[str]], words: int) -> list[str]:
    """A table in markdown; all columns but the first so many are of numbers."""
    rules = ["---"] * words + ["---:"] * (len(heads) - words)
    return ["| " + " | ".join(cells) + " |" for cells in (heads, rules, *rows)]


def shown(options: dict[str, str]) -> str:
    return "`" + " ".join(f"--{name.replace('_', '-')} {shlex.quote(text)}" for name, text in options.items()) + "`"


def page(runs: dict[Key, Run]) -> str:
    own = [[f"`{name}`", shown(options)] for name, options in METHODS.items() if options]
    where = f"{platform.machine()} with {os.cpu_count()} cores, torch {torch.__version__}"
    return TEXT.format(
        rounds=ROUNDS, length=LENGTH, points=MODE_SAMPLES, machine=where, common=shown(COMMON),
        tuned=" and ".join(f"`{name}`" for name in TUNED), ring="\n".join(table("ring", runs)),
        grid="\n".join(table("grid", runs)), presets="\n".join(presets(runs)),
        own="\n".join(lines(["method", "options"], own, words=2)))  # fmt: skip


TEXT = """# Every method on the toys

`python benchmarks/toys.py` made this page and its tables: {rounds:,} rounds of each method on each toy, one
thread, {machine}.

`ring` has 8 modes and `grid` has 25, as in WGAN-GP's code. Counted is in {points:,} samples of the averaged generator.
A mode is caught if a sample is nearer to it than three deviations, and such samples are of high quality; the reverse
KL is of how those spread over the modes, against the even spread. Of a perfect sampler's 98.9 % are of high quality:
more means that modes have shrunk. Shown are medians over the seeds, and in brackets the range where there is one.
Seconds are the processor's, for one run.

All methods play with the same small networks and steps: {common}.
They are those of the presets {tuned}, which we tuned for these toys; for nobody else are
they tuned. So the table says what a method does in these settings and in so many rounds, not what it can be brought to
do. Where it differs in more than its recipe says is below the tables.

## ring

{ring}

## grid

{grid}

## The two presets, at length

{tuned} in {length:,} rounds. They are asked to catch all modes, with at least 90 % of high
quality and a reverse KL of at most 0.05 (ring) and 0.1 (grid), in four of five seeds.

{presets}

## What else they differ in

Each row is `saddle train METHOD --data grid` with the options above and these. What papers give for images means
little for points of about one unit, so the weights are ours.

{own}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3, help="of each method in the tables")
    parser.add_argument("--minutes", type=float, default=600.0, help="after which no other run is begun")
    parser.add_argument("--methods", nargs="*", choices=(*TUNED, *METHODS), help="these alone")
    parser.add_argument("--data", nargs="*", default=TOYS, choices=TOYS, help="these alone")
    parser.add_argument("--runs", type=Path, default=HERE / "results" / "toys.jsonl", help="where runs are written")
    parser.add_argument("--page", type=Path, default=HERE.parent / "docs" / "toys.md", help="where the table goes")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    chosen.runs.parent.mkdir(parents=True, exist_ok=True)
    work(chosen)
    chosen.page.write_text(page(current(chosen.runs)))


if __name__ == "__main__":
    main()
