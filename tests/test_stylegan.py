"""StyleGAN: what a style does to a layer, what noise and mixing do, and how its sizes follow one another."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from saddle.averaging import HalfLife
from saddle.batches import Images
from saddle.clock import Clock
from saddle.data.array_dataset import ArrayDataset
from saddle.errors import Mistake
from saddle.games.progressive import StyleGrowing
from saddle.layers.adain import AdaptiveInstanceNorm
from saddle.layers.resampling import Downsample, TriangleBlur, Upsample, double, halve
from saddle.layers.style import NoiseInjection
from saddle.networks import Convolutional, Pair, Progressive, Styled
from saddle.objectives import NonSaturating
from saddle.optim import Adam, Scaled
from saddle.penalties import R1
from saddle.recipes.stylegan import StyleGAN
from saddle.shape import Shape
from saddle.training.machine import Machine
from saddle.training.match import Match, MatchOptions

SMALL = Styled(latent=8, style=6, depth=2, width=8)
DATA = Shape(3, 16, 24)
CPU = Machine(torch.device("cpu"), torch.float32, "")


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def awake(network: nn.Module) -> Any:
    """Biases and strengths of noise are not nought, so that none can hide."""
    with torch.no_grad():
        for p in network.parameters():
            if not p.any():
                p.normal_(std=0.3)
    return network


@pytest.mark.parametrize(("side", "generator", "critic"), [(1024, 26_219_627, 23_087_249),
                                                           (256, 26_086_229, 23_052_353)])  # fmt: skip
def test_parameters_are_as_many_as_published(side, generator, critic):
    with torch.device("meta"):
        G, D = Styled().generator(Shape(3, side, side)), Styled().critic(Shape(3, side, side))
    assert (count(G), count(D)) == (generator, critic)
    assert count(G.mapping_network) == 2_101_248 and G.layers == 2 * G.levels
    if side == 1024:
        assert (count(G.to_image), count(G.styled) + G.constant.numel()) == (7_659, 24_110_720)


def test_a_style_decides_mean_and_deviation_of_each_map():
    adapt, x, w = awake(AdaptiveInstanceNorm(6, 5)), 3 + 7 * torch.randn(4, 5, 9, 8), torch.randn(4, 6)
    scale, shift = adapt.affine(w).chunk(2, 1)
    y = adapt(x, w)
    torch.testing.assert_close(y.mean((2, 3)), shift, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(y.std((2, 3), correction=0), (1 + scale).abs(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(adapt(5 * x + 2, w), y, rtol=1e-4, atol=1e-4)


def test_the_size_of_the_constant_is_normalised_away():
    G = SMALL.generator(DATA)
    ws = G.mapping(torch.randn(3, 8))[:, None].expand(-1, G.layers, -1)
    with torch.no_grad():
        G.constant.normal_()
        before = G.synthesis(ws)
        G.constant.mul_(9)
    torch.testing.assert_close(G.synthesis(ws), before, rtol=1e-4, atol=1e-4)


def test_noise_begins_at_nothing_and_is_drawn_for_each_channel_alike():
    G, z = SMALL.generator(DATA), torch.randn(3, 8)
    assert torch.equal(G(z), G(z))
    noises = [layer for layer in G.modules() if isinstance(layer, NoiseInjection)]
    assert len(noises) == G.layers and all(not layer.strength.any() for layer in noises)
    nn.init.ones_(noises[-1].strength)
    ws = G.mapping(z)[:, None].expand(-1, G.layers, -1)
    assert not torch.equal(G.synthesis(ws), G.synthesis(ws))
    assert torch.equal(G.synthesis(ws, noise=False), G.synthesis(ws, noise=False))
    drawn = noises[-1](torch.zeros(2, 8, 5, 5))
    assert torch.equal(drawn[:, :1].expand_as(drawn), drawn) and 0.7 < drawn.std() < 1.3


def test_the_first_layers_have_the_first_style():
    """With a cut at k, maps up to layer k are those of the first latent alone, and later ones are not."""
    G, cut = awake(SMALL.generator(DATA)), 3
    one, two = (G.mapping(torch.randn(2, 8))[:, None].expand(-1, G.layers, -1) for _ in range(2))
    mixed = torch.where(torch.arange(G.layers)[:, None] >= cut, two, one)
    seen: list[list[torch.Tensor]] = []
    for ws in (one, mixed):
        maps: list[torch.Tensor] = []
        hooks = [layer.register_forward_hook(lambda layer, x, y, maps=maps: maps.append(y)) for layer in G.styled]
        G.synthesis(ws, noise=False)
        seen.append(maps)
        for hook in hooks:
            hook.remove()
    assert [torch.allclose(a, b, atol=1e-5) for a, b in zip(*seen, strict=True)] == [n < cut for n in range(G.layers)]


def test_a_level_begins_as_the_one_below_and_ends_as_the_plain_network():
    G, D = awake(SMALL.generator(DATA)), awake(SMALL.critic(DATA))
    ws = G.mapping(torch.randn(4, 8))[:, None].expand(-1, G.layers, -1)
    for level in range(1, G.levels):
        below, plain = (G.synthesis(ws, False, level=n) for n in (level - 1, level))
        torch.testing.assert_close(G.synthesis(ws, False, level, 0.0), double(below), rtol=0, atol=1e-6)
        assert torch.equal(G.synthesis(ws, False, level, 1.0), plain) and plain.shape[2:] == (4 << level, 6 << level)
        torch.testing.assert_close(D(plain, fade=0.0).score, D(halve(plain)).score, rtol=0, atol=1e-6)


def test_a_blur_keeps_constants_and_is_half_of_the_longer_filter():
    x = torch.randn(2, 3, 8, 6)
    inside = (..., slice(1, -1), slice(1, -1))
    torch.testing.assert_close(TriangleBlur()(torch.full_like(x, 3.0))[inside], torch.full_like(x, 3.0)[inside])
    torch.testing.assert_close(TriangleBlur()(double(x)), Upsample()(x))  # 1 1 and 1 2 1 are 1 3 3 1
    torch.testing.assert_close(halve(TriangleBlur()(x)), Downsample()(x))


def game(stage: int, share: float = 1.0) -> StyleGrowing:
    made = StyleGAN(SMALL, skip=0).game(DATA)
    made.clock = Clock(stage=stage, stage_share=share)
    return made


def test_only_layers_that_are_there_are_mixed():
    for stage, layers in ((0, 2), (1, 4), (2, 6)):
        played = game(stage)
        played.mixing = 1.0
        ws = played.mixed_styles(torch.zeros(200, 1, 4, 4), None)
        cuts = ws.diff(dim=1).abs().amax(2).ne(0)
        assert played.layers_in_use == layers and cuts[:, : layers - 1].any(1).all() and not cuts[:, layers - 1 :].any()


def test_samples_are_of_the_stages_size_and_can_be_truncated():
    played, z = game(1, 0.0), torch.randn(4, 8)
    made = played.make(z)
    assert made.shape == (4, 3, 8, 12) and played.phase(played.clock) is None
    ws = played.style.mapping(z)[:, None].expand(-1, 6, -1)
    torch.testing.assert_close(made, double(played.generator.synthesis(ws, level=0)))
    assert torch.equal(game(7).make(z)[0, 0, 0, :0], z[0, :0]) and game(7).make(z).shape == (4, *DATA[:3])
    played.style.mean_w.normal_()
    mean = played.make(z, truncation=0.0)
    torch.testing.assert_close(mean, mean[:1].expand_as(mean), rtol=1e-4, atol=1e-5)
    assert not torch.equal(played.make(z, truncation=0.5), made) and torch.equal(played.make(z, cutoff=0), made)


def test_a_run_of_the_authors_length_has_their_stages():
    stages = StyleGAN().stages(Shape(3, 1024, 1024), 25_000_000)
    assert [stage.until // 1000 for stage in stages] == [600, 1800, 3000, 4200, 5400, 6600, 7800, 25_000]
    assert [stage.data.height for stage in stages] == [8 << n for n in range(8)]
    assert [stage.batch for stage in stages] == [128, 128, 64, 32, 16, 8, 4, 4]
    adam = Adam(1e-3, (0.0, 0.99))
    assert [stage.steps and stage.steps("generator") for stage in stages] == [
        None, None, None, None, Scaled(adam, 1.5), Scaled(adam, 2.0), Scaled(adam, 3.0), Scaled(adam, 3.0)]  # fmt: skip
    assert (StyleGAN().objective, StyleGAN().penalties) == (NonSaturating(), (R1(10.0),))
    assert (StyleGAN().average, StyleGAN().mixing) == (HalfLife(10_000, ramp=None), 0.9)


def test_networks_without_styles_or_sizes_are_refused():
    for pair in (Progressive(8, 8), Convolutional(8, 4), Pair(SMALL, Convolutional(8, 4))):
        with pytest.raises(Mistake, match=r'with styles, at one size after another; give --networks "Styled\(\)"'):
            StyleGAN(pair).game(DATA)
    with pytest.raises(Mistake, match="group is 1"):
        Styled(group=1)


TINY = StyleGAN(Styled(latent=4, style=4, depth=1, width=4, group=2), batch=8, stable=600, last=600)
IMAGES = 120  # 24 of 8 pixels a side, 48 of 16 that are faded in, and as many that are not


def match() -> Match[Images]:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 16, 16, 1), dtype=np.uint8)
    return Match(TINY, ArrayDataset("noise", pixels, fingerprint="0"), IMAGES, CPU, MatchOptions(ema=30))


def played(halted: Match[Images], until: int) -> Match[Images]:
    while halted.clock.images < until:
        halted.play()
    return halted


def test_a_run_goes_on_to_the_same_bits_across_its_sizes():
    whole = played(match(), IMAGES).state()[0]
    assert whole["game.generator.mean_w"].any() and whole["average.generator.constant"].ne(1).any()
    for stop in (16, 40, 56):
        again, (tensors, facts) = match(), played(match(), stop).state()
        again.restore({key: t.clone() for key, t in tensors.items()}, json.loads(json.dumps(facts)))
        end = played(again, IMAGES).state()[0]
        assert [key for key, t in whole.items() if not torch.equal(t, end[key])] == []
