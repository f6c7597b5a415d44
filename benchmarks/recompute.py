"""Memory and time of a round with and without --recompute, each in a process of its own: the table in
docs/from-a-folder.md.

    python benchmarks/recompute.py
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import torch

from saddle.recipes import find_recipe
from saddle.recipes.revive import override_recipe
from saddle.recipes.round_cost import RepeatedBatch, last_stage, random_batch
from saddle.shape import Classes, Shape
from saddle.training.engine import Engine

SMALL_STYLES = {"networks.latent": "64", "networks.style": "64", "networks.mapping": "2"}
CASES = [
    ("stylegan2", 128, 4, {"networks.width": "64", **SMALL_STYLES}),
    ("r3gan-ffhq-256", 128, 4, {"networks.width": "64", "networks.group": "8"}),
    ("pggan", 128, 8, {"networks.width": "64", "networks.latent": "64"}),
    ("biggan", 128, 8, {"networks.width": "16"}),
]
ROUNDS = {0: 1, 4: 3, 1: 12}  # of 16: which one stands for how many; R1 is due in round 0, path lengths in 0 and 4
NOTHING_KEPT = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


def measure(name: str, side: int, batch: int, options: dict[str, str], recompute: bool) -> tuple[float, float]:
    """Megabytes that rounds take beyond the program, its networks and samples; seconds of one, the mean of 16."""
    torch.set_num_threads(1)
    standard, entry = find_recipe(name)
    recipe, data = override_recipe(standard, entry, options), Shape(3, side, side, Classes(10))
    stage, clock = last_stage(recipe, data)
    game = recipe.game(data).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    engine, game.clock = Engine(game, stage.steps or recipe.steps, recompute=recompute), clock
    columns = random_batch(recipe.batch_type, stage.data, batch, torch.device("cpu"))
    before = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    engine.play(RepeatedBatch(columns), clock=clock)
    seconds = 0.0
    for number, weight in ROUNDS.items():
        began = time.process_time()
        engine.play(RepeatedBatch(columns), clock=clock._replace(round=number))
        seconds += weight * (time.process_time() - began) / sum(ROUNDS.values())
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before) / 2**20, seconds


def main() -> None:
    for case in CASES:
        (plain, slow), (less, slower) = (json.loads(ask(case, recompute)) for recompute in (False, True))
        print(f"{case[0]}, {case[1]} pixels, batch {case[2]}: {plain:,.0f} MB and {slow:.2f} s a round; "
              f"with --recompute {less:,.0f} MB and {slower:.2f} s, {slower / slow:.2f} times")  # fmt: skip


def ask(case: tuple[object, ...], recompute: bool) -> str:
    words = [sys.executable, __file__, json.dumps([*case, recompute])]
    return subprocess.run(words, env=os.environ | NOTHING_KEPT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("case", nargs="?", help="one of them as JSON, as this script asks of itself")
    case = given.parse_args().case
    print(json.dumps(measure(*json.loads(case)))) if case else main()
