"""How long a training waits for its data, read ahead and not, in turns: `python benchmarks/waiting.py [DATA]`.

Trains dcgan for some rounds a turn on images that are decoded on the fly and on images from the cache: with nothing
read ahead, read ahead without the feed's own thread, and read ahead with it. DATA is a folder of images; of none 300
glyphs of 256x256 pixels are drawn into one. Says the share of the time that was waited, and images a second. All lies
in a temporary folder. `--drawn 100 --turns 2 --rounds 3` is a short form.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from PIL import Image

from saddle.data import Prepare, open_data
from saddle.networks import Convolutional
from saddle.recipes.dcgan import DCGAN
from saddle.training.machine import find_machine
from saddle.training.match import Match

BATCH = 32
WAYS = {"nothing ahead": (0, False), "ahead": (3, False), "ahead, by a thread": (3, True)}


class Turn(NamedTuple):
    idle: float  # of its time
    speed: float  # images a second


def draw_glyphs(folder: Path, count: int) -> str:
    """Half of them as PNG, half as JPEG."""
    data: Any = open_data(
        "glyphs", Prepare(size=256, limit=count, channels=3), lambda said: None, cache=folder / "made"
    )
    (folder / "photos").mkdir()
    for i, pixels in enumerate(data.samples):
        Image.fromarray(pixels).save(folder / "photos" / f"{i}.{'jpg' if i % 2 else 'png'}")
    return str(folder / "photos")


def play(match: Match[Any], rounds: int, ahead: int, apart: bool) -> Turn:
    (feed,) = match.feeds
    feed.close()
    feed.ahead, feed.worth_a_thread = ahead, lambda: apart
    match.play()  # begins to read
    feed.waited, began, first = 0.0, time.perf_counter(), feed.position
    for _ in range(rounds):
        match.play()
    seconds = time.perf_counter() - began
    return Turn(feed.waited / seconds, (feed.position - first) / seconds)


def main(data: str | None, size: int, turns: int, rounds: int, drawn: int) -> None:
    with TemporaryDirectory() as place:
        source = data or draw_glyphs(Path(place), drawn)
        recipe = DCGAN(Convolutional(width=16), batch=BATCH)
        matches = {}
        for decode in ("on-the-fly", "once"):
            kept = Path(place, decode)
            opened = open_data(source, Prepare(size=size, decode=decode), lambda said: None, cache=kept)
            matches[decode] = Match(recipe, opened, 10**9, find_machine())
        found: dict[tuple[str, str], list[Turn]] = {(d, way): [] for d in matches for way in WAYS}
        for _ in range(turns):
            for (decode, way), measured in found.items():
                measured.append(play(matches[decode], rounds, *WAYS[way]))
    for (decode, way), measured in found.items():
        idle, speed = median(t.idle for t in measured), median(t.speed for t in measured)
        print(f"dcgan at {size}, decoded {decode}, {way}: waits {idle:.1%} of its time, {speed:,.1f} images/s")


if __name__ == "__main__":
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("data", nargs="?", help="a folder of images")
    given.add_argument("--size", type=int, default=64, help="pixels of a side")
    given.add_argument("--turns", type=int, default=5, help="of each way")
    given.add_argument("--rounds", type=int, default=6, help="of each turn")
    given.add_argument("--drawn", type=int, default=300, help="glyphs, where no folder is given")
    main(**vars(given.parse_args()))
