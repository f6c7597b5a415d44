"""PGGAN: what fading in means, how its layers begin, and how a run is cut into sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import leaky_relu

from saddle.averaging import Decay
from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import Judged
from saddle.errors import Mistake
from saddle.games.progressive import FULLY_GROWN, FadeIn
from saddle.layers.equalized import EqualizedConv2d, EqualizedLinear
from saddle.layers.resampling import double, halve
from saddle.networks import Convolutional, Progressive
from saddle.objectives import Wasserstein
from saddle.optim import SGD, Adam, Scaled
from saddle.penalties import Drift, GradientPenalty
from saddle.recipes.growing import Growing
from saddle.recipes.pggan import PGGAN
from saddle.shape import Shape
from saddle.stages import stage_starts

SMALL = Progressive(latent=8, width=8)
SHAPES = [Shape(3, 32, 32), Shape(1, 28, 28), Shape(2, 24, 32)]


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def awake(network: nn.Module) -> Any:
    """Biases are not nought, so that none can hide."""
    with torch.no_grad():
        for p in network.parameters():
            if p.ndim == 1:
                p.normal_(std=0.3)
    return network


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(("side", "generator", "critic"), [
    (1024, 23_079_115, 23_087_249), (256, 23_044_309, 23_052_353), (128, 22_933_394, 22_941_313),
    (64, 22_490_383, 22_498_049), (32, 20_719_628, 20_726_785),
])  # fmt: skip
def test_parameters_are_as_many_as_published(side, generator, critic):
    with torch.device("meta"):
        pair, data = Progressive(), Shape(3, side, side)
        assert (count(pair.generator(data)), count(pair.critic(data))) == (generator, critic)


@pytest.mark.parametrize("data", SHAPES, ids=str)
def test_a_level_begins_as_the_one_below_and_ends_as_the_plain_network(data):
    G, D, z = awake(SMALL.generator(data)), awake(SMALL.critic(data)), torch.randn(4, 8)
    for level in range(1, G.levels):
        below, plain = G(z, level=level - 1), G(z, level=level)
        assert plain.shape[2:] == (data.height >> G.levels - 1 - level, data.width >> G.levels - 1 - level)
        torch.testing.assert_close(G(z, level=level, fade=0.0), double(below), rtol=0, atol=1e-6)
        torch.testing.assert_close(G(z, level=level, fade=0.25), double(below).lerp(plain, 0.25), rtol=0, atol=1e-6)
        assert torch.equal(G(z, level=level, fade=1.0), plain)
        x = torch.randn_like(plain)
        torch.testing.assert_close(D(x, fade=0.0).score, D(halve(x)).score, rtol=0, atol=1e-6)
        assert torch.equal(D(x, fade=1.0).score, D(x).score) and not D(x).score.allclose(D(halve(x)).score)
    assert torch.equal(G(z), G(z, level=G.levels - 1)) and G(z).shape[1:] == data[:3]


def test_doubling_and_halving_are_adjoint_and_undo_each_other():
    x, y = torch.randn(2, 3, 8, 6).double(), torch.randn(2, 3, 4, 3).double()
    torch.testing.assert_close((double(y) * x).sum(), 4 * (y * halve(x)).sum())
    torch.testing.assert_close(halve(double(y)), y)


def test_the_critic_at_the_beginning_of_a_size_has_the_slopes_of_the_one_before():
    D, x = SMALL.critic(SHAPES[0]), torch.randn(4, 3, 32, 32, requires_grad=True)
    (slope,) = torch.autograd.grad(D(x, fade=0.0).score.sum(), x)
    small = halve(x.detach()).requires_grad_()
    (below,) = torch.autograd.grad(D(small).score.sum(), small)
    torch.testing.assert_close(slope, double(below) / 4)


def test_every_layer_begins_with_unit_deviation():
    """What comes out of a rectifier has a mean square of one, but for the zeros that borders are padded with."""
    wide, data, seen = Progressive(latent=64, width=64), Shape(64, 64, 64), []
    G, D = wide.generator(data), wide.critic(data)

    def hear(layer: nn.Module, x: Any, y: torch.Tensor) -> None:
        inside = 1 - 2 / 3 / y.shape[-1]  # of the taps of a line
        seen.append((leaky_relu(y, 0.2).square().mean().sqrt() / inside).item())

    for layer in G.blocks.modules():
        if isinstance(layer, EqualizedConv2d):
            layer.register_forward_hook(hear)
    assert 0.8 < G(torch.randn(32, 64)).std() < 1.2
    assert len(seen) == 1 + 2 * 4 and all(0.75 < rms < 1.25 for rms in seen), seen
    for layer in D.modules():
        if isinstance(layer, EqualizedConv2d | EqualizedLinear):
            sides = [16, 16] if layer.weight.ndim == 4 else []
            y = layer(torch.randn(64, layer.weight.shape[1], *sides))
            y = y[..., 1:-1, 1:-1] if sides else y
            rms = (y if layer is D.head[0] else leaky_relu(y, 0.2)).square().mean().sqrt()
            assert 0.75 < rms < 1.25, (layer, rms)


def test_latents_of_any_length_make_the_same_image():
    G, z = SMALL.generator(SHAPES[0]), torch.randn(4, 8)
    torch.testing.assert_close(G(7 * z), G(z), rtol=1e-4, atol=1e-5)


def test_the_critic_is_told_of_a_batch_that_is_all_alike():
    D, x = SMALL.critic(SHAPES[0]), torch.randn(4, 3, 32, 32)
    assert not D(x).score.allclose(torch.cat([D(row[None]).score for row in x]), atol=1e-4)
    torch.testing.assert_close(D(x[:1].expand(4, -1, -1, -1)).score, D(x[:1]).score.expand(4))


def test_drift_costs_twice_its_weight_times_the_score():
    r = torch.tensor([1.5, -2.0], requires_grad=True)
    penalty = Drift(1e-3)
    real = Judged(r[:, None], r, r, None)
    (slope,) = torch.autograd.grad(penalty.weight * penalty(None, real, real), r)  # type: ignore[arg-type]
    torch.testing.assert_close(slope, 2 * 1e-3 * r.detach() / 2)  # of a mean over two


@pytest.mark.parametrize("size", [(31, 32), (8, 64), (64, 64), (5, 5)])
def test_images_of_no_level_are_refused(size):
    with pytest.raises(Mistake, match="judges images of 4x4, 8x8, 16x16, 32x32, not of"):
        SMALL.critic(Shape(1, 32, 32))(torch.zeros(2, 1, *size))


def test_a_run_of_the_authors_length_has_their_stages():
    stages = PGGAN().stages(Shape(3, 1024, 1024), 12_000_000)
    assert [stage.until // 1000 for stage in stages] == [600, 1800, 3000, 4200, 5400, 6600, 7800, 9000, 12_000]
    assert [stage.data.height for stage in stages] == [4 << n for n in range(9)]
    assert [stage.batch for stage in stages] == [128, 128, 128, 64, 32, 16, 8, 4, 4]
    assert [stage.steps for stage in stages[:-1]] == [None] * 8
    assert stages[-1].steps("critic") == Scaled(Adam(1e-3, (0.0, 0.99)), 1.5)
    game = unmade(PGGAN(), Shape(3, 1024, 1024))
    assert [round(share * 1200) for share in game.fade_in.shares[:-1]] == [0, *[600] * 7]
    assert game.fade_in.shares[-1] * 3000 == pytest.approx(600)
    eight = PGGAN(batch=512, whole_batch=4, least_batch=32).stages(Shape(3, 1024, 1024), 12_000_000)
    assert [stage.batch for stage in eight] == [512, 256, 128, 64, *[32] * 5]  # of eight GPUs


def unmade(recipe: Growing, data: Shape) -> Any:
    with torch.device("meta"):
        return recipe.game(data)


@pytest.mark.parametrize("images", [40, 3000, 10**7])
def test_a_run_of_any_length_goes_through_all_sizes(images):
    stages = PGGAN().stages(Shape(1, 48, 64), images)
    assert [stage.data[1:3] for stage in stages] == [(6, 8), (12, 16), (24, 32), (48, 64)]
    assert [round(stage.until / images, 2) for stage in stages] == pytest.approx([0.1, 0.3, 0.5, 1.0], abs=0.03)
    assert [clock.stage for clock in stage_starts(stages, images)] == [0, 1, 2, 3]


def test_sizes_can_be_left_out_at_the_beginning():
    data = Shape(1, 32, 32)
    assert [s.data.height for s in PGGAN(skip=2).stages(data, 100)] == [16, 32]
    assert [s.data.height for s in PGGAN(skip=9).stages(data, 100)] == [32]
    game = PGGAN(SMALL, skip=2).game(data)
    game.clock = Clock()
    assert (game.level, game.fade) == (2, 1.0) and game.make(torch.randn(2, 8)).shape[2:] == (16, 16)
    game.clock = Clock(stage=1, stage_share=0.1)
    assert game.level == 3 and game.fade == pytest.approx(0.1 / (600 / 3000))


def test_the_fade_is_a_straight_line_over_its_share_of_a_stage():
    fade = FadeIn((0.0, 0.5))
    times = [(0, 0.0), (0, 1.0), (1, 0.0), (1, 0.25), (1, 0.5), (1, 1.0), (7, 0.0)]
    assert [fade(Clock(stage=s, stage_share=share)) for s, share in times] == [1.0, 1.0, 0.0, 0.5, 1.0, 1.0, 1.0]
    assert fade(FULLY_GROWN) == 1.0


def test_reals_are_faded_in_as_fakes_are():
    game, x = PGGAN(SMALL).game(Shape(1, 16, 16)), torch.randn(3, 1, 16, 16)
    game.clock = Clock(stage=2, stage_share=0.0)
    coarse = game.fade_reals(Images(x)).image
    assert torch.equal(coarse, double(halve(x)))
    game.clock = Clock(stage=2, stage_share=0.05)  # of a fade over a fifth of the stage
    torch.testing.assert_close(game.fade_reals(Images(x)).image, coarse.lerp(x, 0.25))
    game.clock = Clock(stage=2, stage_share=0.9)
    assert torch.equal(game.fade_reals(Images(x)).image, x)


def test_scores_and_verdicts_follow_the_clock():
    game, x = PGGAN(SMALL).game(Shape(1, 16, 16)), torch.randn(4, 1, 16, 16)
    game.clock = Clock(stage=2, stage_share=0.0)
    expected = game.critic(halve(x)).score
    torch.testing.assert_close(game.score(x), expected)
    torch.testing.assert_close(game.judge(None, game.clock)(x).score, expected)
    assert game.phase(game.clock) is None
    game.clock = Clock(stage=2, stage_share=0.5)
    assert torch.equal(game.score(x), game.critic(x).score) and game.phase(game.clock) is not None


def test_the_recipe_is_the_papers():
    recipe = PGGAN()
    assert (recipe.objective, recipe.penalties) == (Wasserstein(), (GradientPenalty(10.0), Drift(1e-3)))
    assert (recipe.optimizer, recipe.average) == (Adam(1e-3, (0.0, 0.99), 1e-8), Decay(0.999))


@pytest.mark.parametrize(("fields", "words"), [
    ({"stable": 0}, "give --stable 600"),
    ({"fade": -1}, "fade is -1"),
    ({"fade": 0, "last": 0}, "--last 2400"),
    ({"least_batch": 0}, "least_batch is 0"),
    ({"skip": -1}, "skip is -1"),
])  # fmt: skip
def test_schedules_that_are_none_are_refused(fields, words):
    with pytest.raises(Mistake, match=words):
        PGGAN(**fields)


def test_networks_of_one_size_are_refused_with_those_that_grow():
    with pytest.raises(Mistake, match=r'Convolutional|Generator has one alone; give --networks "Progressive\(\)"'):
        PGGAN(Convolutional(8, 4)).game(Shape(1, 16, 16))
    for make in (PGGAN().game, lambda data: PGGAN().stages(data, 100)):
        with pytest.raises(Mistake, match="points have no size; for points there is the recipe wgan-gp-toy"):
            make(Shape(2, 1, 1))


@pytest.mark.parametrize("base", [Adam(1e-3, (0.0, 0.9)), SGD(0.1)])
def test_a_scaled_optimizer_steps_as_the_same_at_another_rate(base):
    layer = nn.Linear(2, 2)
    value, plain = Scaled(base, 3.0), replace(base, lr=3 * base.lr)
    optimizers = [o.build(layer.parameters()) for o in (value, plain)]
    for clock in (Clock(), Clock(5, 100, 0.5)):
        for o, optimizer in zip((value, plain), optimizers, strict=True):
            o.tune(optimizer, clock)
        assert optimizers[0].param_groups[0]["lr"] == pytest.approx(optimizers[1].param_groups[0]["lr"])
    with pytest.raises(Mistake, match="factor is 0"):
        Scaled(base, 0)
