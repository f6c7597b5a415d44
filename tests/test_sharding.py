"""Weights divided among two processes: derivatives, rounds and checkpoints of whole ones, half of the memory."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from saddle import load, resume, train
from saddle.cli import main
from saddle.clock import Clock
from saddle.core import Game
from saddle.data import ArrayDataset
from saddle.errors import Mistake
from saddle.games import Adversarial
from saddle.layers.spectral import add_spectral_norms
from saddle.networks import Convolutional
from saddle.optim import SGD, Adam, Clipped, Lazy, Orthogonal, RMSprop, Scaled
from saddle.parts import pieces, rank_and_size, without_process_group
from saddle.parts.pieces import Piece, divide_weights, put_together
from saddle.recipe import Optimizing, Recipe
from saddle.recipes.r1 import R1GAN
from saddle.recipes.wgan_gp import WGANGP
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.runs.settings import Settings
from saddle.training.checkpoint import latest_checkpoint, read_checkpoint
from saddle.training.engine import Engine
from saddle.training.health import monitor, rollback
from saddle.training.machine import Machine, process_group
from saddle.training.match import Match, MatchOptions
from saddle.training.sharding import check_optimizers
from several import command, several
from test_games import GAMES as PLAYED
from test_processes import GAMES, labelled, recomputed
from toys import LATENT, Batches, Critic, Maker, adversarial, play

CPU = Machine(torch.device("cpu"), torch.float32, "for tests")
ROUNDS = 6  # of which two each are played divided, whole, and divided again
SMALL = Convolutional(latent=8, width=8, normal=False)
RECIPES: dict[str, Recipe[Any]] = {
    "r1": R1GAN(networks=SMALL, batch=8), "wgan-gp": WGANGP(networks=SMALL, batch=8)}  # fmt: skip


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
    expected = torch.autograd.grad(
        losses(whole, x[0]) + losses(whole, x[1]), list(whole.parameters()), create_graph=True
    )
    divided = [(p, g, w) for p, g, w in zip(own, first, expected, strict=True) if isinstance(p, Piece)]
    for p, g, w in divided:
        torch.testing.assert_close(put_together(g, p.form), w, rtol=1e-12, atol=1e-12)
    again = torch.autograd.grad(sum(g.square().sum() for _, g, _ in divided), [p for p, _, _ in divided])
    mine = [w for p, w in zip(own, whole.parameters(), strict=True) if isinstance(p, Piece)]
    wanted = torch.autograd.grad(sum(w.square().sum() for _, _, w in divided), mine)
    for (p, _, _), g, w in zip(divided, again, wanted, strict=True):
        torch.testing.assert_close(put_together(g, p.form), w, rtol=1e-12, atol=1e-12)


def gather_seldom(rank: int) -> None:
    """Once for all passes between two steps; of blocks that are worked out again nothing whole stays."""
    made: list[Any] = []
    gather = pieces.put_together

    def count_alive() -> int:
        return sum(ref() is not None for ref in made)

    def watched(*given: Any) -> Tensor:
        made.append(weakref.ref(whole := gather(*given)))
        return whole

    pieces.put_together, pieces.LEAST = watched, 16
    game = recomputed()  # of the critic, one weight is as large as that, and one in each of three blocks
    critic, x = game.get_submodule("critic"), torch.randn(8, 1, 4, 4)
    divide_weights(game)
    with pieces.keeping_wholes():
        loss = sum(critic(x).score.sum() for _ in range(2))
        assert (len(made), count_alive()) == (1 + 2 * 3, 1)
        loss.backward()
        assert (len(made), count_alive()) == (1 + 4 * 3, 1)
        with torch.no_grad():
            game.get_submodule("generator")(torch.randn(8, LATENT))  # of two layers, with biases
        assert (len(made), count_alive()) == (1 + 4 * 3 + 4, 1)
        pieces.forget_wholes()
    del loss
    assert count_alive() == 0


def normalised() -> Game[Any]:
    return Adversarial(Maker(), add_spectral_norms(Critic()), LATENT)


PLAYED_APART: dict[str, Callable[[], Game[Any]]] = {
    name: GAMES[name] for name in ("wgan-gp", "clipped", "statistics", "differentiated twice", "worked out again",
                                   "a critic's gradient", "styles", "progressive")} | {
    name: PLAYED[name] for name in ("unrolled", "unrolled by adam")} | {"normalised": normalised}  # fmt: skip


def rounds(game: Game[Any], how: Optimizing) -> dict[str, Tensor]:
    rank, world = rank_and_size()
    batches = [Batches(labelled, rank, world, rows=16)]
    report = play(Engine(game, lambda player: how), batches, 0, 3)
    return {name: value for name, value in report.items() if name.endswith("/gradient")}


def play_apart(rank: int) -> None:
    """Three rounds of each game, and the norms of its gradients, are those of one process that has all of it."""
    for name, make in PLAYED_APART.items():
        torch.manual_seed(0)
        game = make()
        one = copy.deepcopy(game)
        divide_weights(game)
        assert any(isinstance(p, Piece) for p in game.parameters()), name
        how = Clipped(Orthogonal(SGD(0.05), 0.1), 0.2) if name == "normalised" else SGD(0.05)
        found = rounds(game, how)
        with without_process_group():
            norms = rounds(one, how)
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


@pytest.mark.parametrize("work", [differentiate, gather_seldom, play_apart])
def test_divided_weights_are_differentiated_and_played_as_whole_ones(work: Callable[[int], None]):
    assert several(2, in_float64, work) == [0, 0]


def data() -> ArrayDataset:
    return ArrayDataset(
        "noise", np.random.default_rng(0).integers(0, 256, (32, 16, 16, 1), np.uint8)
    ).with_fingerprint()


def match(name: str, shard: bool) -> Match[Any]:
    parts = 2 if name == "wgan-gp" else 1
    return Match(RECIPES[name], data(), 8 * 100, CPU, MatchOptions(ema=30, accumulate=parts, shard=shard))


def played(m: Match[Any], rounds: int) -> Match[Any]:
    for _ in range(rounds):
        m.play()
    return m


def numbers(m: Match[Any]) -> list[int]:
    """How many this process keeps: of weights, of what optimizers remember, of the average."""
    remembered = [t for o in m.engine.optimizers.values() for kept in o.state.values() for t in kept.values()]
    assert m.ema
    return [sum(t.numel() for t in some) for some in (m.game.parameters(), remembered, m.ema.mean.values())]


def go_on(folder: str) -> None:
    """Saves what came of a run without a break, and of one that went on otherwise twice."""
    pieces.LEAST = 64
    with process_group() as (rank, _):
        for name in RECIPES:
            straight = played(match(name, True), ROUNDS)
            last = None
            for i, shard in enumerate((True, False, True)):
                m = match(name, shard)
                if last:
                    m.restore(*last)
                state = played(m, ROUNDS // 3).state()
                assert numbers(m) == numbers(straight) or not shard
                if rank == 0:
                    torch.save(state, f"{folder}/{name}-{i}")
                torch.distributed.barrier()
                last = torch.load(f"{folder}/{name}-{i}")
            state = straight.state()
            if rank == 0:
                torch.save((state, numbers(straight)), f"{folder}/{name}")


def test_a_divided_match_equals_a_whole_one_also_where_one_goes_on_as_the_other(tmp_path: Path):
    """Weights, averages and all that Adam remembers, with exact penalties, in checkpoints of the same tensors."""
    assert several(2, go_on, str(tmp_path)) == [0, 0]
    for name in RECIPES:
        one = played(match(name, False), ROUNDS)
        (straight, half), again = torch.load(tmp_path / name), torch.load(tmp_path / f"{name}-2")
        assert all(0.49 < few / many < 0.55 for few, many in zip(half, numbers(one), strict=True)), (half, numbers(one))
        for tensors, facts in (straight, again):
            assert facts == one.state()[1] and list(tensors) == list(one.state()[0])
            for key, t in one.state()[0].items():
                torch.testing.assert_close(
                    tensors[key], t, rtol=1e-4, atol=2e-6, msg=lambda told, key=key: f"{key}: {told}"
                )


RUN = ["train", "dcgan", "--data", "glyphs", "--size", "16", "--images", "256", "--batch", "16", "--limit", "256",
       "--networks.width", "16", "--pictures", "2", "--device", "cpu", "--precision", "float32", "--threads", "1",
       "--measure", "fid", "--features", "identity", "--samples", "64", "--every", "128", "--snapshots", "2",
       "--on-collapse", "rollback", "--checkpoints", "0.01"]  # fmt: skip


def many_looks(words: list[str]) -> int:
    monitor.PROBE_INTERVAL, rollback.HEALTH_PATIENCE = 1, 1
    return command(words)


def test_a_divided_run_draws_looks_measures_and_is_what_any_other_run_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run = tmp_path / "run"
    codes = several(2, many_looks, [*RUN, "--out", str(run), "--shard"])
    assert codes == [0, 0] and "Warning" not in codes.said
    assert Manifest.read(RunFolder(run)).settings.shard
    assert {path.name for path in (run / "sheets").iterdir()} >= {"real.png", "0000000256.png"}
    assert len((run / "measures.jsonl").read_text().splitlines()) == 3
    kept = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert "best.safetensors" in kept and sum(name.startswith("snapshot-") for name in kept) == 2
    assert load(run).sample(3).shape == (3, 1, 16, 16)
    with pytest.raises(Mistake, match="leave --shard out, which is --no-shard"):
        resume(run, images="+16")
    main(["resume", str(run), "--images", "+16", "--no-shard"])
    assert not Manifest.read(RunFolder(run)).settings.shard
    assert several(2, command, ["resume", str(run), "--images", "+16", "--shard"]) == [0, 0]
    assert read_checkpoint(latest_checkpoint(run / "checkpoints")).facts["clock"]["images"] == 288  # type: ignore[arg-type]


def test_one_process_is_told_how_several_are_started():
    with pytest.raises(
        Mistake, match=r"torchrun --nproc-per-node 2 -m saddle train \.\.\. --shard`, or leave --shard out"
    ):
        train("dcgan", "glyphs", images=64, shard=True)
    with pytest.raises(Mistake, match="give accumulate, as in --accumulate 2, in the place of fit"):
        Settings(shard=True, fit=True)
    assert Settings(shard=True, accumulate=2).shard


@dataclass(frozen=True)
class Own:
    """An optimizer of the user's, of which nobody knows what it looks at."""

    kind: Callable[..., torch.optim.Optimizer]

    def build(self, parameters: Any) -> torch.optim.Optimizer:
        return self.kind(parameters)

    def tune(self, optimizer: torch.optim.Optimizer, clock: Clock) -> None:
        pass


def test_optimizers_that_may_look_at_whole_weights_are_refused():
    def hooked(own: Any) -> torch.optim.Optimizer:
        optimizer = torch.optim.SGD(own)
        optimizer.register_step_pre_hook(lambda *given: None)
        return optimizer

    for how in (Own(torch.optim.Adafactor), Own(hooked)):
        with pytest.raises(Mistake, match=r"Own, by which the .* take Adam, RMSprop or SGD, or leave --shard out"):
            check_optimizers(Engine(adversarial(), lambda player, how=how: how))
    for plain in (Adam(), RMSprop(), SGD(), SGD(momentum=0.5), Lazy(), Scaled(), Clipped(Orthogonal())):
        check_optimizers(Engine(adversarial(), lambda player, plain=plain: plain))
