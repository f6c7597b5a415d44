"""Blocks that are worked out again: the same numbers, slopes, and slopes of slopes, of fewer that are kept."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from narrow import shape, small
from saddle import load, train
from saddle.cli import main
from saddle.clock import Clock
from saddle.core import Judge, Verdict, as_leaf
from saddle.errors import Mistake
from saddle.games.style import path_lengths
from saddle.layers.residual import ResidualBlock
from saddle.layers.spectral import add_spectral_norms
from saddle.networks import BigResNet, GroupedResidual, Modulated, PatchTransformer, Progressive
from saddle.parts import Shard, draw_rows, use_shard
from saddle.parts import recompute as recomputing
from saddle.parts.recompute import find_blocks, recompute_blocks
from saddle.penalties import R1, R2, GradientPenalty
from saddle.recipe import Networks
from saddle.recipes.round_cost import CostCounter, RepeatedBatch, count_round, last_stage, random_batch
from saddle.runs.folder import RunFolder
from saddle.runs.manifest import Manifest
from saddle.shape import Classes, Shape
from saddle.training.engine import Engine
from saddle.training.match import MatchOptions
from saddle.training.memory_advice import suggest_smaller_batches

PAIRS: dict[str, tuple[Networks, Shape]] = {
    "stylegan2": (Modulated(8, 8, 2, 8, 8), Shape(3, 16, 16)),
    "r3gan": (GroupedResidual(8, 8, 2, 2, 4), Shape(3, 16, 16)),
    "pggan": (Progressive(8, 8), Shape(1, 16, 16)),
    "gat": (PatchTransformer(8, 8, 2, 4, 4, 8, 2), Shape(1, 16, 16)),
    "biggan": (BigResNet(80, 4, 4, 8), Shape(1, 32, 32, Classes(3))),
}


class Drawing(nn.Module):
    """Draws by rows and by torch's own dice, and counts its passes."""

    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm, self.drop = nn.Linear(6, 6), nn.BatchNorm1d(6), nn.Dropout(0.4)
        self.register_buffer("count", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.count += 1
        out: Tensor = self.drop(self.norm(self.layer(x))).tanh() * (1 + draw_rows(torch.randn, x, 6)) + self.count
        return out


class Deep(nn.Module):
    def __init__(self, *blocks: nn.Module) -> None:
        super().__init__()
        self.blocks, self.head = nn.Sequential(*blocks), nn.Linear(6, 1)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Verdict:
        h = self.blocks(x.flatten(1))
        return Verdict(self.head(h)[:, 0], h)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def as_game(network: nn.Module) -> nn.Module:
    return nn.ModuleList([network])


def both(network: nn.Module) -> tuple[nn.Module, nn.Module]:
    """The network in double precision, and a copy that works its blocks out again."""
    again = copy.deepcopy(network.double())
    recompute_blocks(as_game(again))
    return network, again


def dense(n: int = 3) -> list[nn.Module]:
    return [nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 6), nn.Softplus()) for _ in range(n)]


def slopes_of(term: Tensor, network: nn.Module) -> list[Tensor]:
    found = torch.autograd.grad(term, list(network.parameters()), allow_unused=True)
    return [torch.zeros(()) if g is None else g for g in found]


def assert_near(ours: Any, theirs: Any) -> None:
    most = max(t.abs().max().item() for t in theirs)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12 * max(1, most))


@pytest.mark.parametrize("penalty", [R1(1), R2(1), GradientPenalty(1), R1(1, nearby=0.01)])
@pytest.mark.parametrize("name", PAIRS)
def test_penalties_on_slopes_have_the_same_slopes(name, penalty):
    pair, data = PAIRS[name]
    plain, again = both(pair.critic(data))
    assert len(find_blocks(again)) >= 2
    x, labels = torch.randn(4, *data[:3], dtype=torch.float64), torch.tensor([0, 1, 2, 1]) if data.classes else None
    found = []
    for critic in (plain, again):
        with use_shard(Shard(rng=torch.Generator().manual_seed(1))):
            judge = Judge(critic, Clock(), labels)
            real, fake = judge(as_leaf(x)), judge(as_leaf(x.flip(0)))
            term = penalty(judge, real, fake) + real.score.square().mean() - fake.score.mean()
            found.append([term.detach(), *slopes_of(term, critic)])
    assert_near(found[1], found[0])
    assert_near(list(again.buffers()), list(plain.buffers())) if list(plain.buffers()) else None


def test_path_lengths_have_the_same_slopes():
    plain, again = both(PAIRS["stylegan2"][0].generator(PAIRS["stylegan2"][1]))
    for name, p in (*plain.named_parameters(), *again.named_parameters()):
        if name.endswith("strength"):
            p.data.fill_(0.3)  # of the noise that layers draw
    z, found = torch.randn(3, 8, dtype=torch.float64), []
    for generator in (plain, again):
        dice = torch.Generator().manual_seed(1)
        with use_shard(Shard(rng=dice)):
            ws = generator.mapping(z)[:, None].expand(-1, generator.layers, -1)
            off = (path_lengths(generator.synthesis(ws), ws) - 1).square().mean()
            found.append([off.detach(), *slopes_of(off, generator), dice.get_state()[:16].double()])
    assert_near(found[1], found[0])


def test_slopes_of_slopes_are_those_of_finite_differences():
    _, again = both(Deep(*dense()))
    x = torch.randn(3, 6, dtype=torch.float64, requires_grad=True)
    weight = again.blocks[1][0].weight

    def scores(x: Tensor, weight: Tensor) -> Tensor:
        own = {"blocks.1.0.weight": weight}
        made: Tensor = functional_call(again, own, (x,)).score  # weights that are put in its own's place
        return made

    given = (x, weight.detach().clone().requires_grad_())
    assert torch.autograd.gradcheck(scores, given) and torch.autograd.gradgradcheck(scores, given)
    slope = lambda x: torch.autograd.grad(scores(x, weight).sum(), x, create_graph=True)[0]  # noqa: E731
    assert torch.autograd.gradgradcheck(slope, (x,))  # of the third order


def test_chance_and_buffers_move_once():
    plain, again = both(Deep(Drawing(), Drawing(), Drawing()))
    x, found = torch.randn(5, 6, dtype=torch.float64), []
    for network in (plain, again):
        dice = torch.Generator().manual_seed(1)
        torch.manual_seed(2)
        with use_shard(Shard(rng=dice)):
            first, second = network(x).score, network(x.flip(0)).score
            torch.rand(3)
            terms = slopes_of((first * second).sum(), network)
        found.append([*terms, *network.buffers(), torch.rand(2), torch.rand(2, generator=dice)])
    assert_near(found[1], found[0])
    assert again.blocks[0].count == 2 and again.blocks[0].norm.num_batches_tracked == 2


def test_the_power_method_makes_no_further_step():
    plain, again = both(add_spectral_norms(Deep(*dense())))
    for network in (plain, again):
        slopes_of(network(torch.ones(2, 6, dtype=torch.float64)).score.sum(), network)
    assert all(torch.equal(a, b) for a, b in zip(plain.buffers(), again.buffers(), strict=True))


def test_reduced_precision_is_that_of_the_first_pass():
    plain = Deep(*dense())
    again = copy.deepcopy(plain)
    recompute_blocks(as_game(again))
    found = []
    for network in (plain, again):
        with torch.autocast("cpu", torch.bfloat16):
            score = network(torch.linspace(-1, 1, 24).view(4, 6)).score
        found.append(slopes_of(score.float().sum(), network))
        assert score.dtype == torch.bfloat16
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize("name", ["stylegan2", "sagan", "gat", "wgan-gp-cifar"])
def test_a_round_in_two_parts_has_the_same_gradients(name, monkeypatch):
    recipe, data = small(name), shape(name)
    stage, clock = last_stage(recipe, data)
    torch.manual_seed(1)
    batch = random_batch(recipe.batch_type, stage.data, stage.batch, torch.device("cpu"))
    batch = type(batch)(*(t.double() if t is not None and t.is_floating_point() else t for t in batch))
    found: list[list[Tensor]] = []
    for again in (False, True):
        torch.manual_seed(0)
        game = recipe.game(data).double()
        engine, game.clock, seen = Engine(game, stage.steps or recipe.steps, recompute=again), clock, list[Tensor]()
        step = engine.step

        def keep(player: nn.Module, step: Any = step, seen: list[Tensor] = seen) -> Tensor:
            seen.extend(p.grad.clone() for p in player.parameters() if p.grad is not None)
            norm: Tensor = step(player)
            return norm

        monkeypatch.setattr(engine, "step", keep)
        engine.play(RepeatedBatch(batch), RepeatedBatch(batch), clock=clock)
        found.append(seen[: len(seen)])
    assert_near(found[1], found[0])


def test_names_stay_and_a_copy_works_with_weights_of_its_own():
    plain, again = both(Deep(*dense()))
    assert list(plain.state_dict()) == list(again.state_dict()) and repr(plain) == repr(again)
    other, x = copy.deepcopy(again), torch.ones(2, 6, dtype=torch.float64)
    with torch.no_grad():
        other.blocks[0][0].weight.zero_()
    assert torch.equal(again(x).score, plain(x).score) and not torch.equal(other(x).score, again(x).score)
    assert not torch.equal(slopes_of(other(x).score.sum(), other)[2], slopes_of(again(x).score.sum(), again)[2])


def test_samples_are_made_as_ever(monkeypatch):
    _, again = both(Deep(*dense()))
    monkeypatch.delattr(recomputing, "BlockPass")
    with torch.no_grad():
        again(torch.ones(2, 6, dtype=torch.float64))


def test_only_what_comes_into_blocks_is_kept():
    def peak(network: nn.Module, twice: bool) -> int:
        with CostCounter() as counter:
            x = torch.zeros(4096, 6, requires_grad=True)
            score = network(x).score.sum()
            if twice:
                score = torch.autograd.grad(score, x, create_graph=True)[0].square().sum()
            score.backward()
        return counter.peak

    plain = Deep(*dense(12))
    again = copy.deepcopy(plain)
    recompute_blocks(as_game(again))
    assert peak(again, False) < 0.5 * peak(plain, False)
    assert peak(again, True) < 0.5 * peak(plain, True)


def test_the_memory_that_is_told_is_that_with_the_option():
    recipe, data = small("r3gan"), Shape(1, 64, 64)
    plain, again = (count_round(recipe, data, MatchOptions(recompute=on), 16) for on in (False, True))
    assert plain and again and again.bytes < 0.75 * plain.bytes and 1 < again.flops / plain.flops < 2


class InPlace(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.ReLU(inplace=True), nn.Linear(6, 6))

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.layers(x)
        return made


def test_what_cannot_be_worked_out_again_is_refused():
    _, again = both(Deep(nn.Linear(6, 6), InPlace(), InPlace(), InPlace()))
    with pytest.raises(Mistake, match=r"InPlace writes into what it is given.* leave --recompute out"):
        again(torch.ones(2, 6, dtype=torch.float64))


SETTINGS = {"images": 32, "quiet": True, "device": "cpu", "pictures": 0, "limit": 64}


def test_networks_without_blocks_are_refused_with_what_does_without(tmp_path: Path):
    options = {"networks.width": "2", "networks.latent": "4", "batch": "8"}
    with pytest.raises(Mistake, match="these networks have none; leave --recompute out, and give --accumulate 2"):
        train("dcgan", "glyphs", out=tmp_path / "a", size=16, options=options, recompute=True, **SETTINGS)
    train("dcgan", "glyphs", out=tmp_path / "a", size=16, options=options, accumulate=2, **SETTINGS)


def test_a_run_goes_on_with_or_without(tmp_path: Path):
    options = {"networks.width": "8", "networks.latent": "4", "networks.group": "4", "batch": "8"}
    how: dict[str, Any] = SETTINGS | {"size": 16, "options": options}
    whole = train("r3gan", "glyphs", out=tmp_path / "whole", **how | {"images": 16})
    run = train("r3gan", "glyphs", out=tmp_path / "run", **how | {"images": 16}, recompute=True)
    main(["resume", str(whole), "--images", "32", "--recompute"])
    main(["resume", str(run), "--images", "32", "--no-recompute"])
    assert Manifest.read(RunFolder(whole)).settings.recompute and not Manifest.read(RunFolder(run)).settings.recompute
    ours, theirs = (load(place, average=False).game.state_dict() for place in (run, whole))
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=0, atol=1e-4)
    train("r3gan", "glyphs", out=run, resume="auto", recompute=True, **how | {"images": 16})  # the same run: no refusal


def test_what_memory_is_too_small_for_is_told_of_it():
    recipe, data = small("r3gan"), Shape(1, 16, 16)
    told = suggest_smaller_batches(recipe, data, 1, blocks=True)
    assert "--accumulate 2, which plays each batch in so many parts (--fit finds how many), or --recompute" in told
    assert "--recompute" not in suggest_smaller_batches(recipe, data, 1)


@pytest.mark.parametrize("name", PAIRS)
def test_networks_have_a_block_or_more_for_each_size(name):
    pair = {"gat": PatchTransformer(), "stylegan2": Modulated(), "r3gan": GroupedResidual(), "pggan": Progressive(),
            "biggan": BigResNet(160)}[name]  # fmt: skip
    data = Shape(3, 256, 256, Classes(3))
    with torch.device("meta"):
        for network in (pair.generator(data), pair.critic(data)):
            assert len(find_blocks(network)) >= 6


def test_a_block_is_no_more_than_half_of_its_network():
    layers = nn.Sequential(nn.Linear(6, 60), nn.Tanh(), nn.Linear(60, 6))
    assert find_blocks(nn.Sequential(layers, nn.Linear(6, 1))) == []
    same = [ResidualBlock(nn.Linear(6, 6), nn.Identity()) for _ in range(2)]
    assert find_blocks(nn.Sequential(nn.Sequential(*same), nn.Linear(6, 1))) == same
