"""Images a second from the cache and decoded on the fly, taken in turns: `python benchmarks/decoding.py DATA SIZE`.

First the feed alone, then a feed whose batches are played with for as long as reading them takes: how much of the
reading stands in a training's way. Needs nothing but the data; the cache lies in a temporary folder.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from saddle.batches import Images
from saddle.data import Feed, Prepare, open_data

BATCH, BATCHES, TURNS = 32, 12, 5
MODES = ("once", "on-the-fly")


def speed(feed: Feed[Images], play: float = 0.0) -> float:
    """Images a second, where each batch is then played with for so many seconds."""
    began = time.perf_counter()
    for _ in range(BATCHES):
        next(feed)
        end = time.perf_counter() + play
        while time.perf_counter() < end:
            torch.mm(WORK, WORK)
    return BATCH * BATCHES / (time.perf_counter() - began)


def main(data: str, size: int) -> None:
    with TemporaryDirectory() as cache:
        sets = [open_data(data, Prepare(size=size, decode=mode), print, cache=Path(cache, mode)) for mode in MODES]
        feeds = [Feed(one, Images, BATCH, 0, "cpu") for one in sets]
        alone = [[speed(feed) for feed in feeds] for _ in range(TURNS)]
        play = BATCH / median(live for _, live in alone)
        beside = [[speed(feed, play) for feed in feeds] for _ in range(TURNS)]
    for title, rates in (("the feed alone", alone), (f"beside {play:.2f} s of work a batch", beside)):
        said = ", ".join(f"{mode} {median(rate[i] for rate in rates):,.0f}/s" for i, mode in enumerate(MODES))
        print(f"{len(sets[0]):,} images at {size}, {title}: {said}")


WORK = torch.ones(256, 256)

if __name__ == "__main__":
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("data", help="a folder of images, or another source")
    given.add_argument("size", type=int, help="pixels of a side")
    main(**vars(given.parse_args()))
