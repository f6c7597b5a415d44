"""Which method catches how many modes: ring and grid, the same small networks, the same number of rounds.

`python benchmarks/toys.py` plays every method on both toys with three seeds and writes the table of docs/toys.md. Each
run that is over is a line in a file, so that the command goes on where it stopped; several may work at once, each on
some of the methods or toys. A method is a recipe with options as on the command line, so each row can be repeated by
`saddle train NAME --data grid --option ...`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import torch

from saddle.data.toys import modes, toy
from saddle.metrics.modes import Caught, caught
from saddle.options import override, typed
from saddle.recipes import find
from saddle.recipes.kinds import KINDS
from saddle.theory.modes import POINTS, made, trained

HERE = Path(__file__).parent
TOYS = ("ring", "grid")
ROUNDS = 5000  # of about four milliseconds: 20 seconds on one core with nothing else to do
STEPS = "Adam(Cosine(5e-3, 2.5e-4), (0.0, 0.99))"
COMMON = {  # that of the presets below: one move each, also where a paper has five of the critic
    "networks": "Perceptron(width=128, bias=0.6)",
    "prior": "Uniform(1.732)",
    "optimizer": STEPS,
    "batch": "256",
    "turns": "Turns()",
}

# What each differs in from COMMON, where images need other values than points of about one unit. Ours, not tuned.
METHODS: dict[str, dict[str, str]] = {
    "gan": {"critic_optimizer": STEPS},
    "gan-minimax": {"critic_optimizer": STEPS},
    "lsgan": {},
    "lsgan-pearson": {},
    "fgan": {},
    "fgan-kl": {},
    "fgan-reverse-kl": {},
    "fgan-pearson": {},
    "fgan-hellinger": {},
    "rsgan": {},
    "ragan": {},
    "ralsgan": {},
    "wgan": {"constraint": "Clip(0.1)"},
    "wgan-gp": {"penalties": "GradientPenalty(0.1)"},
    "wgan-div": {},
    "ct-gan": {"networks": "Dropped(Perceptron(width=128, bias=0.6), (0.1,))",
               "penalties": "(GradientPenalty(0.1), Consistency(0.1))"},
    "gan-qp": {},
    "dragan": {"penalties": "Dragan(weight=0.1, spread=0.1)"},
    "roth": {"penalties": "Roth(Geometric(0.1, 1e-4))"},
    "sn-gan": {"networks": "Spectral(Perceptron(width=128, bias=0.6))"},
    "t-gan": {"networks": "Spectral(Opposed(Perceptron(width=128, bias=0.6), hidden=128))"},
    "ebgan": {"networks": "DenseAutoencoding(latent=2, width=128, code=2)", "objective": "Energy(margin=1.0)"},
    "pacgan": {"networks": "Packed(Perceptron(width=128, bias=0.6), size=2)"},
    "minibatch-gan": {"networks": "MinibatchDiscriminating(Perceptron(width=128, bias=0.6), kernels=16, size=5)"},
    "feature-matching": {},
    "unrolled-gan": {"inner": "SGD(0.1)"},
    "consensus": {},
    "nagarajan-kolter": {},
    "ttur": {"critic_optimizer": "Adam(Cosine(1e-2, 5e-4), (0.0, 0.99))"},
    "instance-noise": {},
    "label-noise": {},
    "weak-critic": {"networks": "Pair(Perceptron(width=128, bias=0.6), "
                                "Dropped(Perceptron(width=32, bias=0.6), (0.5,)))"},
    "accuracy-gate": {},
    "equilibrium-gate": {},
}  # fmt: skip
TUNED = ("r1-toy", "r3gan-toy")  # presets of ours, as they are
Run = dict[str, Any]
Runs = dict[tuple[str, str, int], Run]


def recipe(name: str) -> tuple[Any, dict[str, str]]:
    """A method's recipe, with the options that make it of the one that `saddle train` finds by this name."""
    options = {} if name in TUNED else COMMON | METHODS[name]
    return override(find(name)[0], options, KINDS), options


def play(name: str, data: str, seed: int, rounds: int) -> Run:
    """One run, measured. Seconds are the processor's: on a busy machine a clock on the wall tells of the others."""
    began, (value, options) = time.process_time(), recipe(name)
    match = trained(value, data, rounds, seed)
    seconds = time.process_time() - began
    found = caught(made(match), *modes(data))
    return {"method": name, "data": data, "seed": seed, "rounds": rounds, "options": typed(options), **found._asdict(),
            "seconds": round(seconds, 1), "images": match.clock.images}  # fmt: skip


def plan(chosen: argparse.Namespace) -> Iterator[tuple[str, str, int]]:
    """Seed by seed, so that a table of what is there so far is a whole one."""
    names = chosen.methods or (*TUNED, *METHODS)
    return ((name, data, seed) for seed in range(chosen.seeds) for name in names for data in chosen.data)


def read(file: Path) -> list[Run]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def current(runs: Iterable[Run], rounds: int) -> Runs:
    """The runs of this length whose settings are what this file says today."""
    wanted = {name: typed(recipe(name)[1]) for name in (*TUNED, *METHODS)}
    return {(run["method"], run["data"], run["seed"]): run for run in runs
            if run["rounds"] == rounds and wanted.get(run["method"]) == run["options"]}  # fmt: skip


def work(chosen: argparse.Namespace) -> None:
    """Play what is not there yet, a line in the file for each run, until the time is up."""
    ends = time.monotonic() + 60 * chosen.minutes
    for name, data, seed in plan(chosen):
        if (name, data, seed) in current(read(chosen.runs), chosen.rounds):
            continue
        if time.monotonic() > ends:
            break
        run = play(name, data, seed, chosen.rounds)
        with chosen.runs.open("a") as file:  # one short line in one write: several processes do not mix theirs
            file.write(json.dumps(run) + "\n")
        print(f"{name:18} {data} seed {seed}: {run['modes']:2} modes, {run['high_quality']:6.1%} of high quality, "
              f"reverse KL {run['reverse_kl']:.3f}, {run['seconds']:.0f} s", flush=True)  # fmt: skip


def floor(data: str) -> Run:
    """What as many points of the data itself get: the medians of 100 draws."""
    draws = [caught(torch.from_numpy(toy(data, POINTS, seed)), *modes(data)) for seed in range(1000, 1100)]
    return {field: statistics.median(getattr(found, field) for found in draws) for field in Caught._fields}


def spread(values: list[float], form: Callable[[float], str]) -> str:
    """The median and, where it says more, the range."""
    low, middle, high = form(min(values)), form(statistics.median(values)), form(max(values))
    return middle if low == high else f"{middle} ({low} to {high})"


FORMS: dict[str, Callable[[float], str]] = {
    "modes": lambda n: f"{n:g}",
    "high_quality": lambda share: f"{100 * share:.1f}",
    "reverse_kl": lambda nats: f"{nats:.3f}",
}


def row(name: str, runs: list[Run]) -> list[str]:
    """A method's line for one toy."""
    cells = [spread([run[field] for run in runs], form) for field, form in FORMS.items()]
    return [name, *cells, f"{statistics.median(run['seconds'] for run in runs):.0f}", str(len(runs))]


def table(data: str, runs: Runs) -> list[str]:
    """The best first: by modes, then by the evenness of what is caught."""
    own = {name: [run for (method, toy, _), run in runs.items() if (method, toy) == (name, data)]
           for name in (*TUNED, *METHODS)}  # fmt: skip
    there = {name: some for name, some in own.items() if some}

    def rank(name: str) -> tuple[float, float]:
        middle = {field: statistics.median(run[field] for run in there[name]) for field in FORMS}
        return -middle["modes"], middle["reverse_kl"]

    best = floor(data)
    rows = [["*a perfect sampler*", *(form(best[field]) for field, form in FORMS.items()), "", ""]]
    rows += [row(f"`{name}`", there[name]) for name in sorted(there, key=rank)]
    heads = ["method", "modes", "high quality, %", "reverse KL, nats", "seconds", "seeds"]
    return lines([heads, ["---"] + ["---:"] * 5, *rows])


def lines(rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(cells) + " |" for cells in rows]


def presets(runs: Runs) -> list[str]:
    """Every seed of those that are tuned, a line each."""
    chosen = sorted(key for key in runs if key[0] in TUNED)
    rows = [[f"`{name}`", data, str(seed), *(form(runs[name, data, seed][field]) for field, form in FORMS.items())]
            for name, data, seed in chosen]  # fmt: skip
    heads = ["preset", "toy", "seed", "modes", "high quality, %", "reverse KL, nats"]
    return lines([heads, ["---", "---"] + ["---:"] * 4, *rows])


def page(rounds: int, every: list[Run]) -> str:
    runs = current(every, rounds)
    own = [[f"`{name}`", f"`{typed(options)}`"] for name, options in METHODS.items() if options]
    where = f"{platform.machine()} with {os.cpu_count()} cores, torch {torch.__version__}"
    return TEXT.format(
        command="" if rounds == ROUNDS else f" --rounds {rounds}", rounds=rounds, points=POINTS, machine=where,
        common=typed(COMMON), tuned=" and ".join(f"`{name}`" for name in TUNED),
        ring="\n".join(table("ring", runs)), grid="\n".join(table("grid", runs)),
        length=ROUNDS, presets="\n".join(presets(current(every, ROUNDS))),
        own="\n".join(lines([["method", "options"], ["---", "---"], *own])))  # fmt: skip


TEXT = """# Every method on the toys

`python benchmarks/toys.py{command}` made this page and its tables: {rounds:,} rounds of each method on each toy, one
thread, {machine}.

`ring` has 8 modes and `grid` has 25, as in WGAN-GP's code. Counted is in {points:,} samples of the averaged generator.
A mode is caught if a sample is nearer to it than three deviations, and such samples are of high quality; the reverse
KL is of how those spread over the modes, against the even spread. Of a perfect sampler's 98.9 % are of high quality:
more means that modes have shrunk. Shown are medians over the seeds, and in brackets the range where there is one.
Seconds are the processor's, for one run.

All methods play with the same small networks and steps: `{common}`.
They are those of the presets {tuned}, which we tuned for these toys; for nobody else are
they tuned. So the table says what a method does in these settings and in so many rounds, not what it can be brought to
do. Where it differs in more than its recipe says is below the tables.

## ring

{ring}

## grid

{grid}

## The two presets, at length

{tuned} in {length:,} rounds, about 20 seconds on a core that has nothing else to do. They are asked to catch all modes,
with at least 90 % of high quality and a reverse KL of at most 0.05 (ring) and 0.1 (grid), in four of five seeds.

{presets}

## What else they differ in

Each row is `saddle train METHOD --data grid` with the options above and these. What papers give for images means
little for points of about one unit, so the weights are ours.

{own}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each run")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=600.0, help="after which no other run is begun")
    parser.add_argument("--methods", nargs="*", choices=(*TUNED, *METHODS), help="these alone")
    parser.add_argument("--data", nargs="*", default=TOYS, choices=TOYS, help="these alone")
    parser.add_argument("--runs", type=Path, default=HERE / "results" / "toys.jsonl", help="where runs are written")
    parser.add_argument("--page", type=Path, default=HERE.parent / "docs" / "toys.md", help="where the table goes")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    chosen.runs.parent.mkdir(parents=True, exist_ok=True)
    work(chosen)
    chosen.page.write_text(page(chosen.rounds, read(chosen.runs)))


if __name__ == "__main__":
    main()
