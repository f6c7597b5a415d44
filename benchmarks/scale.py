"""What many GPUs would gain: a round's time and bytes measured here, and a model of the interconnect checked here.

`python benchmarks/scale.py dcgan --size 32` plays rounds with 1, 2 and 4 processes (gloo, a thread each) and measures,
in turns, whole rounds and rounds whose collectives do nothing; and how long collectives of several sizes take, from
which the model's two numbers are fitted: latency and bandwidth. It says how far the model is off. `--compute SECONDS
--latency-us 20 --bandwidth-gb 50 --to 1024` predicts the efficiency of a cluster from the counts that were found here
and a round's time on one of its GPUs, which has to be measured there (`saddle profile`, or benchmarks/gpu.py).

The model: a round of n processes takes its computing and, for each collective of b bytes, 2 log2(n) latencies and
2 (n - 1) / n b / bandwidth: a tree's steps and a ring's bytes. Each process has a batch of its own of the same size, so
efficiency is the time of one process over that of n. Nothing is taken to overlap.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from saddle.data import ArrayDataset
from saddle.recipes import find_recipe
from saddle.training.machine import find_machine
from saddle.training.match import Match

COUNT = 256  # made-up images
SIZES = (1_000, 30_000, 1_000_000, 8_000_000)  # numbers of the collectives that latency and bandwidth are fitted to
REPEATS = 7


@dataclass(frozen=True)
class Interconnect:
    latency: float  # seconds of one step between two processes
    bandwidth: float  # bytes a second

    def seconds(self, processes: int, sizes: list[int]) -> float:
        """What collectives of so many bytes each take."""
        steps, share = 2 * math.log2(processes), 2 * (processes - 1) / processes
        return sum(steps * self.latency + share * size / self.bandwidth for size in sizes)


def fit(processes: int, times: dict[int, float]) -> Interconnect:
    """Latency and bandwidth by least squares of relative errors over measured seconds by bytes."""
    steps, share = 2 * math.log2(processes), 2 * (processes - 1) / processes
    rows = np.array([[steps / t, share * size / t] for size, t in times.items()])
    (latency, inverse), *_ = np.linalg.lstsq(rows, np.ones(len(times)), rcond=None)
    return Interconnect(max(float(latency), 0.0), 1 / max(float(inverse), 1e-15))


@contextmanager
def collectives(instead: Callable[..., Any]) -> Iterator[None]:
    """Something else happens where processes exchange numbers."""
    known, dist.all_reduce = dist.all_reduce, instead
    try:
        yield
    finally:
        dist.all_reduce = known


class Done:
    def wait(self) -> None:
        return None


def silent(tensor: torch.Tensor, *_: Any, async_op: bool = False, **__: Any) -> Done | None:
    """A collective that exchanges nothing."""
    return Done() if async_op else None


def median_seconds(task: Callable[[], object], repeats: int = REPEATS) -> float:
    """Of one task in all processes at once, the first time not counted."""
    times = []
    for _ in range(repeats + 1):
        dist.barrier()
        began = time.perf_counter()
        task()
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def measured_sizes(match: Match[Any]) -> list[int]:
    """Bytes of every collective of a round."""
    sizes: list[int] = []
    known = dist.all_reduce

    def counted(tensor: torch.Tensor, *args: Any, **more: Any) -> Any:
        sizes.append(tensor.numel() * tensor.element_size())
        return known(tensor, *args, **more)

    with collectives(counted):
        match.play()
    return sizes


def play_silent(match: Match[Any]) -> None:
    with collectives(silent):
        match.play()


def worker(rank: int, world: int, port: int, asked: argparse.Namespace, out: str) -> None:
    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    dist.init_process_group("gloo", rank=rank, world_size=world)
    recipe = find_recipe(asked.recipe)[0]
    recipe = replace(recipe, batch=asked.batch * world)  # type: ignore[type-var]
    images = np.random.default_rng(0).integers(0, 256, (COUNT, asked.size, asked.size, 3), np.uint8)
    match = Match(recipe, ArrayDataset("noise", images, fingerprint="0"), 10**9, find_machine("cpu", asked.precision))
    whole, alone = [], []
    for _ in range(asked.rounds):  # in turns, so that other work on the machine touches both alike
        whole.append(median_seconds(match.play, 1))
        alone.append(median_seconds(lambda: play_silent(match), 1))
    found: dict[str, Any] = {"processes": world, "whole": statistics.median(whole), "alone": statistics.median(alone)}
    if world > 1:
        found["sizes"] = measured_sizes(match)
        found["times"] = {4 * n: median_seconds(lambda n=n: dist.all_reduce(torch.zeros(n))) for n in SIZES}  # type: ignore[misc]
    if rank == 0:
        Path(out).write_text(json.dumps(found))
    dist.destroy_process_group()


def measure(world: int, asked: argparse.Namespace) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        out = Path(folder, "found.json")
        mp.spawn(worker, (world, 29_500 + world, asked, str(out)), nprocs=world)  # type: ignore[attr-defined, no-untyped-call]
        found: dict[str, Any] = json.loads(out.read_text())
    return found


def check(found: dict[str, Any]) -> dict[str, Any]:
    """What the model says of a round beside what it took, of measured compute and a fitted interconnect."""
    line: dict[str, Any] = {"processes": found["processes"], "compute": round(found["alone"], 4),
                            "round": round(found["whole"], 4)}  # fmt: skip
    if found["processes"] > 1:
        link = fit(found["processes"], {int(size): seconds for size, seconds in found["times"].items()})
        predicted = found["alone"] + link.seconds(found["processes"], found["sizes"])
        line |= {"predicted": round(predicted, 4), "off": round(predicted / found["whole"] - 1, 3),
                 "collectives": len(found["sizes"]), "bytes": sum(found["sizes"]),
                 "latency_us": round(1e6 * link.latency, 1), "gb_a_second": round(link.bandwidth / 1e9, 2)}  # fmt: skip
    return line


def predict(compute: float, sizes: list[int], link: Interconnect, most: int) -> Iterator[dict[str, Any]]:
    """Efficiency of 1, 2, 4 ... processes, each with a batch of its own of the same size."""
    for processes in (2**power for power in range(int(math.log2(most)) + 1)):
        exchange = link.seconds(processes, sizes) if processes > 1 else 0.0
        yield {"processes": processes, "efficiency": round(compute / (compute + exchange), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("recipe", nargs="?", default="dcgan")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--batch", type=int, default=16, help="of each process")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--precision", default="float32", choices=("auto", "float32", "bfloat16"))
    parser.add_argument("--compute", type=float, help="seconds of a round on one GPU of the cluster to predict")
    parser.add_argument("--latency-us", type=float, default=20.0, help="of one step between two of its processes")
    parser.add_argument("--bandwidth-gb", type=float, default=50.0, help="a second, of one process")
    parser.add_argument("--to", type=int, default=1024)
    asked = parser.parse_args()
    sizes: list[int] = []
    for world in asked.processes:
        found = measure(world, asked)
        sizes = found.get("sizes", sizes)
        print(json.dumps({"recipe": asked.recipe, "size": asked.size, "batch": asked.batch} | check(found)), flush=True)
    if asked.compute:
        link = Interconnect(1e-6 * asked.latency_us, 1e9 * asked.bandwidth_gb)
        for line in predict(asked.compute, sizes, link, asked.to):
            print(json.dumps(line))


if __name__ == "__main__":
    main()
