"""What a training gets of a machine that it shares: `python benchmarks/sharing.py` (six minutes on an idle machine;
`--turns 2 --seconds 1` half a minute).

Rounds of a recipe on all cores, alone, beside one process that is always busy, and two trainings at once; each with
threads that wait actively, as OpenMP has it, and passively, as `--waiting passive` has it. All of it is played in
turns of some seconds each, and the ratios are medians over the turns. Its share of the cores beside a busy process is
that of as many threads as there are cores, of one more that want to run.

`--spins 1000 20000` tries other numbers of questions before a thread sleeps, by GOMP_SPINCOUNT.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

PLAYER = """
import sys, time
import torch
from saddle.batches import Images
from saddle.clock import Clock
from saddle.recipes import find_recipe
from saddle.shape import Shape
from saddle.training.engine import Engine

name, side, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
recipe, _ = find_recipe(name)
shape = Shape(3, side, side) if side > 1 else Shape(2, 1, 1)
game = recipe.game(shape).to(memory_format=torch.channels_last)
engine = Engine(game, recipe.steps)
batch = Images(torch.randn(recipe.batch, *shape[:3]).contiguous(memory_format=torch.channels_last))

def batches():
    while True:
        yield batch

feed, n = batches(), 0
engine.play(feed, clock=Clock())
print("ready", flush=True)
for line in sys.stdin:
    end, n = time.monotonic() + float(line), 0
    began = time.monotonic()
    while time.monotonic() < end:
        engine.play(feed, clock=Clock())
        n += 1
    print(n / (time.monotonic() - began), flush=True)
"""
BUSY = "while True: pass"


class Player:
    """A process that plays rounds when it is told to."""

    def __init__(self, recipe: str, side: int, threads: int, spins: str) -> None:
        hidden = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY", "OMP_NUM_THREADS")
        own = {name: value for name, value in os.environ.items() if name not in hidden}
        own |= {"GOMP_SPINCOUNT": spins} if spins != "active" else {}
        words = [sys.executable, "-c", PLAYER, recipe, str(side), str(threads)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=own)
        assert self.process.stdin is not None and self.process.stdout is not None
        self.told, self.says = self.process.stdin, self.process.stdout
        assert self.says.readline() == "ready\n"

    def begin(self, seconds: float) -> None:
        print(seconds, file=self.told, flush=True)

    def rate(self) -> float:
        """Rounds a second."""
        return float(self.says.readline())


def measure(players: list[Player], seconds: float, beside: bool) -> float:
    """Rounds a second of each of these players at once, in the mean."""
    busy = subprocess.Popen([sys.executable, "-c", BUSY]) if beside else None
    time.sleep(0.3 if beside else 0)
    for player in players:
        player.begin(seconds)
    rates = [player.rate() for player in players]
    if busy:
        busy.kill()
        busy.wait()
    return statistics.mean(rates)


def main() -> None:
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("--recipe", default="dcgan")
    given.add_argument("--side", type=int, default=32, help="pixels; 1 for points of the plane")
    given.add_argument("--turns", type=int, default=5)
    given.add_argument("--seconds", type=float, default=5.0, help="of each turn")
    given.add_argument("--spins", nargs="*", default=[], help="further values of GOMP_SPINCOUNT")
    wish = given.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    kinds = ["active", "0", *wish.spins]
    pairs = {kind: [Player(wish.recipe, wish.side, cores, kind) for _ in range(2)] for kind in kinds}
    rates: dict[tuple[str, str], list[float]] = {}
    for _ in range(wish.turns):
        for kind, pair in pairs.items():
            for company, players, beside in (("alone", pair[:1], False), ("beside one busy process", pair[:1], True),
                                             ("two at once, each", pair, False)):  # fmt: skip
                rates.setdefault((company, kind), []).append(measure(players, wish.seconds, beside))
    print(f"{wish.recipe} {wish.side} on {cores} threads, float32; load before and by this {os.getloadavg()[0]:.1f}")
    alone = rates["alone", "active"]
    for (company, kind), measured in rates.items():
        share = statistics.median(a / b for a, b in zip(measured, alone, strict=True))
        rate = statistics.median(measured)
        print(f"{company:26} {kind:8} {rate:7.2f} rounds a second, {share:.2f} of alone and active")
    for kind in kinds:
        beside = statistics.median(a / b for a, b in zip(rates["beside one busy process", kind], alone, strict=True))
        lost = 1 - statistics.median(a / b for a, b in zip(rates["alone", kind], alone, strict=True))
        share = beside * (cores + 1) / cores
        print(f"{kind}: {share:.2f} of its share of the cores beside a busy process (bar 0.75), {lost:.1%} lost alone")
    for player in (player for pair in pairs.values() for player in pair):
        player.told.close()
        player.process.wait()


if __name__ == "__main__":
    main()
