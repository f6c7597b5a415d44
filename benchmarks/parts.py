"""How much memory a round takes in one part and in several: `python benchmarks/parts.py` (two minutes).

For each recipe, 64 pixels, width 16, batch 128: the most bytes that all graphs together keep of activations (exact, the
same on every machine), and by how much the process grew in a round (as the system tells it, each in a process of its
own). A graph that is kept from one turn to the next while other parts play would show in both. On one machine:

    parts            1      4     16
    dcgan      137 113  23 35   6 23   (with every part's graph kept until the generator's turn it grew by 139, 90, 79)
    wgan-gp    164 159  41 56  10 26   (by 221, -, 90)
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys

import torch
from torch import Tensor

from saddle.batches import Images
from saddle.clock import Clock
from saddle.networks import Convolutional
from saddle.recipe import Recipe
from saddle.recipes.dcgan import DCGAN
from saddle.recipes.wgan_gp import WGANGP
from saddle.shape import Shape
from saddle.training.engine import Engine

SIDE, BATCH, WIDTH = 64, 128, 16
RECIPES: dict[str, Recipe[Images]] = {
    "dcgan": DCGAN(networks=Convolutional(width=WIDTH)),
    "wgan-gp": WGANGP(networks=Convolutional(width=WIDTH, normal=False)),
}


class Kept:
    """A tensor that a graph keeps, counted as long as it is kept."""

    now = most = 0

    def __init__(self, t: Tensor) -> None:
        self.t = t
        Kept.now += t.nbytes
        Kept.most = max(Kept.most, Kept.now)

    def __del__(self) -> None:
        Kept.now -= self.t.nbytes


def batches(rows: int) -> list[Images]:
    return [Images(torch.randn(rows, 3, SIDE, SIDE)) for _ in range(5)]


def played(name: str, parts: int, count: bool) -> float:
    """Megabytes: kept by graphs at most, or grown by, in the second round."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    recipe = RECIPES[name]
    game = recipe.game(Shape(3, SIDE, SIDE)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    engine: Engine[Images] = Engine(game, recipe.steps)
    engine.play(iter(batches(2)), clock=Clock())  # optimizers have their memory now
    feeds = [iter(batches(BATCH // parts)) for _ in range(parts)]
    weights = {p.data_ptr() for p in game.parameters()}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if count:
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t: t if t.data_ptr() in weights else Kept(t), lambda kept: kept.t if isinstance(kept, Kept) else kept
        ):
            engine.play(*feeds, clock=Clock(1))
        return Kept.most / 2**20
    engine.play(*feeds, clock=Clock(1))
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / unit


def apart(name: str, parts: int, count: bool) -> float:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(played, (name, parts, count))


def main() -> None:
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("--parts", type=int, nargs="+", default=[1, 4, 16])
    parts = given.parse_args().parts
    print(f"{SIDE} pixels, width {WIDTH}, batch {BATCH}; MB of activations kept by graphs, MB that the process grew by")
    for name in RECIPES:
        for n in parts:
            print(f"{name:8} {n:3} parts  {apart(name, n, True):7.1f}  {apart(name, n, False):7.1f}", flush=True)


if __name__ == "__main__":
    main()
