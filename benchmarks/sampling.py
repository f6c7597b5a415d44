"""What making samples costs beside the generator's bare forward pass.

`python benchmarks/sampling.py` makes 64 images of dcgan at 64 pixels, in turns: by `LoadedGame.sample`, and by one
pass of the generator without gradients on latents that are there already. The ratio is the median over neighbouring
turns, so other work on the machine touches both alike.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import torch

from saddle.inference.loaded import LoadedGame
from saddle.recipes.dcgan import DCGAN
from saddle.shape import Shape
from saddle.training.machine import find_machine

BAR = 1.2  # of 64 images of 64 pixels


def load_untrained(size: int, device: torch.device) -> LoadedGame:
    """A game as `saddle.load` gives it, of weights that nobody trained."""
    torch.manual_seed(0)
    recipe, data = DCGAN(), Shape(3, size, size)
    game = recipe.game(data).to(device).eval()
    return LoadedGame(game, data, (), device, batch=recipe.batch)


def race(tasks: dict[str, Callable[[], object]], device: torch.device, turns: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(turns + 1):
        for name, task in tasks.items():
            began = time.perf_counter()
            task()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            if turn:  # the first warms up
                times[name].append(time.perf_counter() - began)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--images", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args()
    device = find_machine(chosen.device).device
    loaded = load_untrained(chosen.size, device)
    latents = torch.randn(chosen.images, loaded.game.latent, device=device)

    def bare() -> None:
        with torch.no_grad():
            loaded.game.generator(latents)

    times = race({"bare": bare, "sample": lambda: loaded.sample(chosen.images)}, device, chosen.turns)
    low, middle, high = statistics.quantiles(a / b for a, b in zip(times["sample"], times["bare"], strict=True))
    print(json.dumps({"size": chosen.size, "images": chosen.images, "at once": loaded.rows, "ratio": round(middle, 3),
                      "quartiles": [round(low, 3), round(high, 3)], "bar": BAR,
                      "seconds": round(statistics.median(times["sample"]), 4)}))  # fmt: skip


if __name__ == "__main__":
    main()
