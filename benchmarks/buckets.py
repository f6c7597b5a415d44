"""What a flat bucket saves: gradients averaged over processes plainly, in a bucket, and sent ahead in chunks.

`python benchmarks/buckets.py dcgan --size 64` lets two processes (gloo, a thread each) work out the gradients of a
recipe's critic again and again, and averages them in turns in three ways: joined, exchanged, divided, copied back, as
one would write it; in `saddle.parts.buckets`; and there in chunks that are sent while the rest is worked out. It
prints the medians of both backward pass and exchange, as shares of the plain way, and of the exchange alone.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from contextlib import nullcontext
from tempfile import TemporaryDirectory

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from saddle.parts.buckets import Bucket
from saddle.recipes import find_recipe
from saddle.shape import Shape
from saddle.training.engine import average_over_processes

WAYS = ("plain", "bucket", "ahead")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", nargs="?", default="dcgan")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=4, help="of each process: small, so that the exchange counts")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--chunk-mb", type=float, default=4.0)
    return parser.parse_args()


def measure(rank: int, asked: argparse.Namespace, folder: str) -> None:
    torch.set_num_threads(1)
    os.environ["RANK"] = str(rank)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=asked.processes)
    recipe, _ = find_recipe(asked.recipe)
    game = recipe.game(Shape(3, asked.size, asked.size))
    network = next(child for name, child in game.named_children() if name == "critic")
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    own = list(network.parameters())
    x = torch.randn(asked.batch, 3, asked.size, asked.size)
    made = {way: Bucket(own, int(asked.chunk_mb * 2**20)) for way in WAYS}
    whole: dict[str, list[float]] = {way: [] for way in WAYS}
    exchange: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(asked.repeats + 1):
        for way in WAYS:
            took = turn(way, network, x, own, made[way])
            whole[way].append(took[0])
            exchange[way].append(took[1])
    if rank == 0:
        report(whole, exchange, sum(p.numel() * p.element_size() for p in own))
    dist.barrier()
    dist.destroy_process_group()


def turn(way: str, network: nn.Module, x: torch.Tensor, own: list[nn.Parameter], bucket: Bucket) -> tuple[float, float]:
    """Seconds of a backward pass with the exchange, and of the exchange behind it."""
    loss = network(x).score.sum()
    dist.barrier()
    began = time.perf_counter()
    with bucket.sending_ahead() if way == "ahead" else nullcontext():
        torch.autograd.backward(loss, inputs=own)
    between = time.perf_counter()
    if way == "plain":
        average_over_processes([p.grad for p in own if p.grad is not None])
    else:
        bucket.average()
    end = time.perf_counter()
    for p in own:
        p.grad = None
    return end - began, end - between


def report(whole: dict[str, list[float]], exchange: dict[str, list[float]], size: int) -> None:
    print(f"{size / 2**20:.1f} MiB of gradients; medians of {len(whole['plain']) - 1} turns, the first left out")
    base, alone = (statistics.median(times["plain"][1:]) for times in (whole, exchange))
    for way in WAYS:
        both, after = statistics.median(whole[way][1:]), statistics.median(exchange[way][1:])
        print(f"{way:>7}: backward and exchange {both / base:.2f} ({both * 1000:.1f} ms), exchange {after / alone:.2f}")


if __name__ == "__main__":
    asked = parse()
    with TemporaryDirectory() as folder:
        mp.spawn(measure, (asked, folder), nprocs=asked.processes)
