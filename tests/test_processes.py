"""Two processes with the same global batch equal one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn

from saddle.batches import Images
from saddle.cli import main
from saddle.core import Game, Verdict
from saddle.games import (
    Adversarial,
    Clip,
    Consensus,
    EquilibriumGate,
    ExpectationMaximization,
    GaussianAdversarialAutoencoder,
    NagarajanKolter,
    SoftIntroVAE,
    Turns,
)
from saddle.layers import MinibatchDiscrimination
from saddle.layers.conditional import ConditionalBatchNorm
from saddle.networks.gaussian_mixture import MomentMixture
from saddle.objectives import Relativistic, Wasserstein
from saddle.optim import SGD
from saddle.parts.recompute import recompute_blocks
from saddle.penalties import Dragan, FeatureMatching, GradientPenalty, LeCam, PullingAway
from saddle.runs.log import read_log
from saddle.shape import Shape
from saddle.training.checkpoint import latest_checkpoint, read_checkpoint
from saddle.training.engine import Engine, shard_indices
from several import free_port
from test_aae import game as code_game
from test_games import GAMES as PLAYED
from test_introspective import make as introspective
from test_other_batches import GAMES as OTHER_BATCHES
from test_other_batches import close, match, weights
from test_text_to_image import match as told_match
from test_translation import TINY as TRANSLATIONS
from test_translation import match as translation_match
from test_vae_gan import plain_game
from toys import LATENT, Batches, Maker, adversarial, images, play


def normal(kind: type[Adversarial] = Adversarial, **slots: Any) -> Adversarial:
    """Batch normalisation in both networks, of the generator's by class; and how alike the samples of a batch are."""

    class Labelled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.begin, self.norm, self.end = (
                nn.Linear(LATENT, 32),
                ConditionalBatchNorm(8, 3),
                nn.Conv2d(8, 1, 3, 1, 1),
            )
            self.up = nn.Upsample(scale_factor=2)

        def forward(self, z: Tensor, labels: Tensor) -> Tensor:
            return self.end(self.up(self.norm(self.begin(z).view(-1, 8, 2, 2), labels).relu()))

    class Mixing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8, momentum=None), nn.Tanh())
            self.alike, self.head = MinibatchDiscrimination(8, 3, 2), nn.Linear(11, 1)

        def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
            h = self.trunk(x)
            h = torch.cat([h, self.alike(h)], 1)
            return Verdict(self.head(h).squeeze(1), h)

    return kind(Labelled(), Mixing(), LATENT, **slots)


def labelled(n: int) -> Images:
    return images(n)._replace(condition=torch.arange(n) % 3)


def recomputed() -> Adversarial:
    """Blocks with batch normalisation, which all processes work out again."""

    class Deep(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            blocks = (nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Tanh()) for _ in range(3))
            self.trunk, self.head = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), *blocks), nn.Linear(8, 1)

        def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
            h = self.trunk(x)
            return Verdict(self.head(h).squeeze(1), h)

    game = Adversarial(Maker(), Deep(), LATENT)
    recompute_blocks(game)
    return game


WGAN = {"objective": Wasserstein(), "turns": Turns(5)}
GAMES: dict[str, Callable[[], Game[Any]]] = {
    "plain": adversarial,
    "wgan-gp": lambda: adversarial(penalties=(GradientPenalty(10.0),), **WGAN),
    "clipped": lambda: adversarial(constraint=Clip(0.2), penalties=(LeCam(),), **WGAN),
    "statistics": normal,
    "differentiated twice": lambda: normal(Consensus),
    "worked out again": recomputed,
    "a critic's gradient": lambda: normal(NagarajanKolter),
    "losses that mix": lambda: adversarial(
        objective=Relativistic(average=True),
        penalties=(Dragan(),),
        generator_penalties=(FeatureMatching(), PullingAway()),
    ),
    "balanced": PLAYED["balanced"],
    "introspective": lambda: introspective(SoftIntroVAE),
    "an encoder beside": lambda: plain_game(gate=EquilibriumGate(margin=0.02)),
    "a critic of codes": lambda: code_game(GaussianAdversarialAutoencoder),
    **{
        name: PLAYED[name]
        for name in (
            "progressive",
            "growing styles",
            "bottleneck",
            "levels",
            "flow",
            "information",
            "bigan",
            "ali",
            "bigan-qp",
            "variational",
            "styles",
        )
    },
    "moments": lambda: ExpectationMaximization(MomentMixture(Shape(1, 4, 4), 3, 0.5), 17),
}

CASES = [*((name, 1) for name in GAMES), ("statistics", 2), ("losses that mix", 2)]


def worker(rank: int, world: int, folder: str) -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    if world > 1:
        dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world)
    for name, accumulate in CASES:
        torch.manual_seed(0)
        played = GAMES[name]()
        batches = [Batches(labelled, i, accumulate * world, rows=16) for i in shard_indices(accumulate, rank, world)]
        # where a linear loss's gradient is nought but for rounding, Adam would make a step of that rounding
        play(Engine(played, lambda player: SGD(0.05)), batches, 0, 3)
        torch.save(played.state_dict(), f"{folder}/{name}-{accumulate}-{world}-{rank}")
    torch.set_default_dtype(torch.float32)
    others = {name: weights(match(name)) for name in OTHER_BATCHES}
    others |= {name: weights(translation_match(name)) for name in TRANSLATIONS}
    others["texts"] = weights(told_match())
    torch.save(others, f"{folder}/others-{world}-{rank}")
    if world > 1:
        dist.barrier()
        dist.destroy_process_group()


def test_the_engine_in_two_processes_equals_one(tmp_path: Path):
    """Batch statistics and all; those of accumulated parts are of the same samples in one process and in two."""
    worker(0, 1, str(tmp_path))
    mp.spawn(worker, (2, str(tmp_path)), nprocs=2)
    for name, accumulate in CASES:
        one, *two = (torch.load(tmp_path / f"{name}-{accumulate}-{end}") for end in ("1-0", "2-0", "2-1"))
        for key, value in one.items():
            for other in two:
                torch.testing.assert_close(other[key], value, rtol=0, atol=1e-9, msg=f"{name}: {key}")
    one, *two = (torch.load(tmp_path / f"others-{end}") for end in ("1-0", "2-0", "2-1"))
    assert one.keys() == {*OTHER_BATCHES, *TRANSLATIONS, "texts"}
    for name in one:
        for other in two:
            close(one[name], other[name])


TOY = ["train", "wgan-gp-toy", "--networks.width", "32", "--batch", "32", "--images", "1600", "--limit", "1000",
       "--device", "cpu", "--precision", "float32", "--pictures", "2", "--seed", "5", "--threads", "1"]  # fmt: skip


def saddle(processes: int, *arguments: str) -> None:
    if processes == 1:
        assert main([*arguments]) == 0
        return
    run = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes),
           "--master-port", str(free_port()), "-m"]  # fmt: skip
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([*run, "saddle", *arguments], env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_torchrun_trains_one_run_that_equals_one_process(tmp_path: Path):
    """Ten rounds of the whole command: one folder, one log, and the weights of one process."""
    one, two = tmp_path / "one", tmp_path / "two"
    saddle(1, *TOY, "--out", str(one))
    saddle(2, *TOY, "--out", str(two))
    a, b = (read_checkpoint(path).tensors for run in (one, two) if (path := latest_checkpoint(run / "checkpoints")))
    for key, value in a.items():
        torch.testing.assert_close(b[key], value, rtol=0, atol=1e-5, msg=key)
    logs = [read_log(run / "log.jsonl") for run in (one, two)]
    assert [line["round"] for line in logs[1]] == list(range(10))
    for x, y in zip(*logs, strict=True):
        assert x.keys() == y.keys() and all(y[key] == pytest.approx(x[key], abs=1e-4) for key in x)
