"""Two processes with the same global batch equal one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from saddle.games import Turns
from saddle.objectives import Wasserstein
from saddle.optim import SGD
from saddle.penalties import GradientPenalty
from saddle.runs.log import read as read_log
from saddle.training.checkpoint import latest, read
from saddle.training.engine import Engine
from toys import Batches, adversarial, images, play

GAMES = {
    "plain": dict,
    "wgan-gp": lambda: {"objective": Wasserstein(), "penalties": (GradientPenalty(10.0),), "turns": Turns(5)},
}


def worker(rank: int, world: int, folder: str) -> None:
    torch.set_num_threads(1)
    if world > 1:
        dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world)
    for name, slots in GAMES.items():
        torch.manual_seed(0)
        game = adversarial(**slots())
        # where a linear loss's gradient is nought but for rounding, Adam would make a step of that rounding
        play(Engine(game, lambda player: SGD(0.05)), [Batches(images, rank, world)], 0, 10)
        torch.save(game.state_dict(), f"{folder}/{name}-{world}-{rank}")
    if world > 1:
        dist.barrier()
        dist.destroy_process_group()


def test_the_engine_in_two_processes_equals_one(tmp_path: Path):
    worker(0, 1, str(tmp_path))
    mp.spawn(worker, (2, str(tmp_path)), nprocs=2)
    for name in GAMES:
        one, *two = (torch.load(tmp_path / f"{name}-{end}") for end in ("1-0", "2-0", "2-1"))
        for key, value in one.items():
            for other in two:
                torch.testing.assert_close(other[key], value, rtol=0, atol=1e-5, msg=key)


TOY = ["train", "wgan-gp-toy", "--networks.width", "32", "--batch", "32", "--images", "1600", "--limit", "1000",
       "--device", "cpu", "--precision", "float32", "--pictures", "2", "--seed", "5", "--threads", "1"]  # fmt: skip


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def saddle(processes: int, *arguments: str) -> None:
    run = [sys.executable, "-m"]
    if processes > 1:
        run += ["torch.distributed.run", "--nproc-per-node", str(processes), "--master-port", str(free_port()), "-m"]
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([*run, "saddle", *arguments], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_torchrun_trains_one_run_that_equals_one_process(tmp_path: Path):
    """Ten rounds of the whole command: one folder, one log, and the weights of one process."""
    one, two = tmp_path / "one", tmp_path / "two"
    saddle(1, *TOY, "--out", str(one))
    saddle(2, *TOY, "--out", str(two))
    a, b = (read(path).tensors for run in (one, two) if (path := latest(run / "checkpoints")))
    for key, value in a.items():
        torch.testing.assert_close(b[key], value, rtol=0, atol=1e-5, msg=key)
    logs = [read_log(run / "log.jsonl") for run in (one, two)]
    assert [line["round"] for line in logs[1]] == list(range(10))
    for x, y in zip(*logs, strict=True):
        assert x.keys() == y.keys() and all(y[key] == pytest.approx(x[key], abs=1e-4) for key in x)
