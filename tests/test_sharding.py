"""Weights divided among two processes: the same derivatives, rounds and checkpoints as whole ones, half of the memory."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from saddle import load, train
from saddle.cli import main
from saddle.core import Game
from saddle.data import ArrayDataset
from saddle.errors import Mistake
from saddle.games import Adversarial
from saddle.layers.spectral import add_spectral_norms
from saddle.networks import Convolutional
from saddle.optim import SGD, Adam, Clipped, Orthogonal
from saddle.parts import pieces, rank_and_size, without_process_group
from saddle.parts.pieces import Piece, divide_weights, put_together
from saddle.recipe import Recipe
from saddle.recipes.dcgan import DCGAN
from saddle.recipes.r1 import R1GAN
from saddle.recipes.wgan_gp import WGANGP
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.training.checkpoint import latest_checkpoint, read_checkpoint
from saddle.training.engine import Engine
from saddle.training.machine import Machine, process_group, process_rank
from saddle.training.match import Match, MatchOptions
from several import command, several
from test_games import GAMES as PLAYED
from test_processes import GAMES, labelled
from toys import LATENT, Batches, Critic, Maker, adversarial, play

CPU = Machine(torch.device("cpu"), torch.float32, "for tests")
LAST = Machine(torch.device("cpu"), torch.float32, "for tests", channels_last=True)


def network() -> nn.Sequential:
    """Of odd numbers, so that pieces are filled up; one layer's weights lie channels last, one's are normalised."""
    conv = nn.Conv2d(3, 7, 3, padding=1).to(memory_format=torch.channels_last)
    flat = nn.Sequential(nn.Flatten(), nn.Linear(7 * 4, 5), nn.Softplus())
    return nn.Sequential(conv, nn.Softplus(), flat, add_spectral_norms(nn.Linear(5, 3)), nn.Linear(3, 1)).eval()


def losses(net: nn.Module, x: Tensor) -> Tensor:
    """With slopes of slopes of slopes in its weights' gradient."""
    x = x.detach().requires_grad_()
    score = net(x)
    (slope,) = torch.autograd.grad(score.sum(), x, create_graph=True)
    (bend,) = torch.autograd.grad(slope.square().sum(), x, create_graph=True)
    return score.sum() + slope.square().sum() + bend.square().sum()


def differentiate(rank: int) -> None:
    """Gradients, and gradients of their square, are those of both processes' samples, piece by piece."""
    whole = network().double()
    net, x = copy.deepcopy(whole), torch.randn(2, 4, 3, 2, 2, dtype=torch.float64)
    divide_weights(net)
    names = [name for name, _ in whole.named_parameters()]
    assert [name for name, _ in net.named_parameters()] == names
    own = list(net.parameters())
    assert [p.numel() for p in own if isinstance(p, Piece)] == [95, 70, 8]  # of 189, 140 and 15
    torch.testing.assert_close(net(x[0]), whole(x[0]), rtol=0, atol=0)

    first = torch.autograd.grad(losses(net, x[rank]), own, create_graph=True)
    expected = torch.autograd.grad(losses(whole, x[0]) + losses(whole, x[1]), list(whole.parameters()), create_graph=True)
    divided = [(p, g, w) for p, g, w in zip(own, first, expected, strict=True) if isinstance(p, Piece)]
    for p, g, w in divided:
        torch.testing.assert_close(put_together(g, p.form), w, rtol=1e-12, atol=1e-12)
    again = torch.autograd.grad(sum(g.square().sum() for _, g, _ in divided), [p for p, _, _ in divided])
    wanted = torch.autograd.grad(sum(w.square().sum() for _, _, w in divided), list(whole.parameters()))
    kept = [w for w, p in zip(wanted, own, strict=True) if isinstance(p, Piece)]
    for (p, _, _), g, w in zip(divided, again, kept, strict=True):
        torch.testing.assert_close(put_together(g, p.form), w, rtol=1e-12, atol=1e-12)


def normalised() -> Game[Any]:
    return Adversarial(Maker(), add_spectral_norms(Critic()), LATENT)




PLAYED_APART: dict[str, Callable[[], Game[Any]]] = {
    name: GAMES[name] for name in ("wgan-gp", "clipped", "statistics", "differentiated twice", "worked out again",
                                   "a critic's gradient", "styles", "progressive")} | {
    name: PLAYED[name] for name in ("unrolled", "unrolled by adam")} | {"normalised": normalised}  # fmt: skip


def rounds(game: Game[Any]) -> dict[str, Tensor]:
    rank, world = rank_and_size()
    batches = [Batches(labelled, rank, world, rows=16)]
    report = play(Engine(game, lambda player: SGD(0.05)), batches, 0, 3)
    return {name: value for name, value in report.items() if name.endswith("/gradient")}


def play_apart(rank: int) -> None:
    """Three rounds of each game, and the norms of its gradients, are those of one process that has all of it."""
    for name, make in PLAYED_APART.items():
        torch.manual_seed(0)
        game = make()
        one = copy.deepcopy(game)
        divide_weights(game)
        assert any(isinstance(p, Piece) for p in game.parameters()), name
        found = rounds(game)
        with without_process_group():
            norms = rounds(one)
        for key, value in norms.items():
            torch.testing.assert_close(found[key], value, rtol=0, atol=1e-9, msg=f"{name}: {key}")
        wanted = one.state_dict()
        for key, t in game.state_dict(keep_vars=True).items():
            whole = put_together(t.detach(), t.form) if isinstance(t, Piece) else t
            torch.testing.assert_close(whole.detach(), wanted[key], rtol=0, atol=1e-9, msg=f"{name}: {key}")


def in_float64(work: Callable[[int], None]) -> None:
    pieces.LEAST = 8
    with process_group() as (rank, _):
        torch.set_default_dtype(torch.float64)
        torch.manual_seed(0)
        work(rank)


@pytest.mark.parametrize("work", [differentiate, play_apart])
def test_divided_weights_are_differentiated_and_played_as_whole_ones(work: Callable[[int], None]):
    assert several(2, in_float64, work) == [0, 0]
