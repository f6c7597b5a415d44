"""The peak of a round's memory for recipes at sizes, each in a process of its own: the table in docs/scale.md.

    python benchmarks/memory.py                 every row
    python benchmarks/memory.py dcgan-64 pix2pix-256

What is counted (`saddle show NAME --size SIZE`) stands beside what a processor's memory grew by, for as few samples as
can be played here. Rows are kept in benchmarks/results/memory.json; those there are measured anew only if named.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from saddle.averaging import chosen_averaging
from saddle.out_of_memory import peak_resident, reset_peak_resident
from saddle.recipe import Recipe
from saddle.recipes import find_recipe
from saddle.recipes.round_cost import RepeatedBatch, count_round, last_stage, random_batch
from saddle.shape import Classes, Picture, Shape
from saddle.training.ema import averaged_tensors
from saddle.training.engine import Engine
from saddle.training.match import MatchOptions

RESULTS = Path(__file__).parent / "results" / "memory.json"
GIB = 2**30
ROWS = {  # recipe, side, samples of the round that is measured; 0: it is counted alone, as it takes a processor minutes
    "dcgan-64": ("dcgan", 64, 32),
    "sn-gan-32": ("sn-gan", 32, 32),
    "sn-gan-residual-32": ("sn-gan-residual", 32, 16),
    "stylegan2-64": ("stylegan2", 64, 4),
    "stylegan2-256": ("stylegan2", 256, 0),
    "r3gan-cifar-32": ("r3gan-cifar", 32, 4),
    "r3gan-ffhq-64-64": ("r3gan-ffhq-64", 64, 0),
    "biggan-128": ("biggan", 128, 0),
    "pix2pix-128": ("pix2pix", 128, 2),
    "pix2pix-256": ("pix2pix", 256, 1),
}
MANY = 64, 128  # pictures, of which activations are most of what is taken: the difference is that of some more
NOTHING_KEPT = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


def play(name: str, side: int, n: int) -> int:
    """Bytes by which two rounds of n samples raise the most that a process holds; networks and optimizers are of it."""
    torch.set_num_threads(1)
    recipe, data = asked(name, side)
    stage, clock = last_stage(recipe, data)
    torch.randn(8, 3, 8, 8, requires_grad=True).square().sum().backward()  # what torch loads at its first use
    torch.nn.Conv2d(3, 3, 3)(torch.randn(1, 3, 8, 8)).sum().backward()
    assert reset_peak_resident(), "this system does not tell what was taken"
    before = peak_resident() or 0
    game = recipe.game(data).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    game.clock = clock
    _kept = [t.clone() for t in averaged_tensors(game).values()] if chosen_averaging(recipe.average, None) else []
    engine = Engine(game, stage.steps or recipe.steps)
    columns = random_batch(recipe.batch_type, stage.data, n, torch.device("cpu"))
    for _ in range(2):
        engine.play(RepeatedBatch(columns), clock=clock)
    return (peak_resident() or 0) - before


def asked(name: str, side: int) -> tuple[Recipe[Any], Shape]:
    """A recipe, and pictures in colour of ten classes, or of as many pixels to translate."""
    recipe, _ = find_recipe(name)
    translates = recipe.batch_type.wanted().condition == "source"
    return recipe, Shape(3, side, side, Picture(Shape(3, side, side)) if translates else Classes(10))


def row(name: str, side: int, n: int) -> dict[str, Any]:
    """What is counted: of one sample more, of the batch, with blocks worked out again; and what n samples took."""
    recipe, data = asked(name, side)
    batch = last_stage(recipe, data)[0].batch
    counts = {k: count_round(recipe, data, batch=k) for k in {n or batch, batch, *MANY}}
    counted = {k: cost.bytes for k, cost in counts.items() if cost}
    again = count_round(recipe, data, MatchOptions(recompute=True), batch)
    assert again and len(counted) == len(counts), f"a round of {name} looks at numbers"
    few, many = MANY
    return {"recipe": name, "size": side, "batch": batch, "each": (counted[many] - counted[few]) / (many - few),
            "whole": counted[batch], "recomputed": again.bytes,
            "tried": n, "counted": counted.get(n), "measured": ask(name, side, n) if n else None}  # fmt: skip


def ask(*case: object) -> int:
    words = [sys.executable, __file__, json.dumps(case)]
    return int(subprocess.run(words, env=os.environ | NOTHING_KEPT, check=True, capture_output=True, text=True).stdout)


def main(names: list[str]) -> None:
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in names or [name for name in ROWS if name not in kept]:
        kept[name] = row(*ROWS[name])
        RESULTS.write_text(json.dumps(kept, indent=1) + "\n")
    for one in kept.values():
        sizes = [
            f"{one[name] / GIB:.2f}" if one[name] else "" for name in ("whole", "recomputed", "counted", "measured")
        ]
        first = [f"`{one['recipe']}` {one['size']}", one["batch"], f"{one['each'] / 2**20:,.1f}"]
        cells = [*first, *sizes[:2], one["tried"] or "", *sizes[2:]]
        print("|", " | ".join(map(str, cells)), "|")


if __name__ == "__main__":
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument(
        "rows", nargs="*", help="measured anew, such as dcgan-64; those that are missing if none is named"
    )
    words = given.parse_args().rows
    print(play(*json.loads(words[0]))) if words and words[0].startswith("[") else main(words)
