"""What augmentation costs: rounds of `stylegan2-ada` without, with ADA and with DiffAugment, in turns.

`python benchmarks/augmentation.py --size 32` prints the median over neighbouring rounds, so other work on the machine
touches all alike. How strong ADA is makes no difference to its time.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import replace

import numpy as np
import torch
from step import Task, race

from saddle.core import Views
from saddle.data import ArrayDataset
from saddle.layers import ADA, DiffAugment
from saddle.networks import Modulated
from saddle.recipes.stylegan2_ada import StyleGAN2ADA
from saddle.training.machine import Machine, find_machine
from saddle.training.match import Match

CONTESTANTS: dict[str, Views] = {
    "none": (), "ADA()": (ADA(),), "ADA(pipe='bg')": (ADA(pipe="bg"),), "ADA(pipe='c')": (ADA(pipe="c"),),
    "DiffAugment()": (DiffAugment(),),
}  # fmt: skip


def contestant(views: Views, data: ArrayDataset, networks: Modulated, where: Machine) -> Task:
    """Rounds of a game of its own, all of one size."""
    return Match(replace(StyleGAN2ADA(), networks=networks, views=views, batch=16), data, 1_000_000, where).play


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--size", type=int, default=32, help="pixels a side")
    parser.add_argument("--width", type=int, default=64, help="channels of small maps")
    parser.add_argument(
        "--rounds", type=int, default=48, help="turns that are timed; regularisers are due every 4 and 16"
    )
    chosen = parser.parse_args()
    where = find_machine("auto", "float32")
    pixels = np.random.default_rng(0).integers(0, 256, (256, chosen.size, chosen.size, 3), np.uint8)
    networks = Modulated(64, 64, 2, chosen.width, 16)
    tasks = {
        name: contestant(views, ArrayDataset("noise", pixels), networks, where) for name, views in CONTESTANTS.items()
    }
    race(tasks, 2, where.device)
    times = race(tasks, chosen.rounds, where.device)
    print(f"{chosen.size} pixels, width {chosen.width}, {where.device}, {torch.get_num_threads()} threads")
    for name, seconds in times.items():
        ratio = statistics.median(a / b for a, b in zip(seconds, times["none"], strict=True))
        print(f"{name:16} {1e3 * statistics.median(seconds):8.1f} ms a round, {ratio:.2f} times none")


if __name__ == "__main__":
    main()
