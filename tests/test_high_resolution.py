"""Networks at 256 to 1024 pixels: the published numbers of parameters, and a round at each size, narrow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn.functional import normalize

from saddle.batches import Images
from saddle.clock import Clock
from saddle.core import required_conditions
from saddle.errors import Mistake
from saddle.layers.init import SkipRandomInit
from saddle.networks import BigResNet, Bottlenecked, DampedResidual, ResidualAutoencoder, ResNet
from saddle.recipes import find_recipe
from saddle.shape import Classes, Shape
from saddle.training.engine import Engine

FACES, WIDE = DampedResidual(width=16, embedding=1), DampedResidual(width=64, widest=1024, embedding=1)
TOLD = DampedResidual(latent=4, width=2, widest=4, blocks=2, embedding=3)
SMALL = Shape(3, 16, 16, Classes(5))


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("pair", "side", "classes", "generator", "critic"), [
    (FACES, 1024, 1, 18_810_036, 16_705_201),  # CelebA-HQ's; theirs embeds its only label, too
    (find_recipe("r1-imagenet")[0].networks, 128, 1000, 100_535_747, 108_260_776),
    (Bottlenecked(replace(find_recipe("vgan")[0].networks.base, embedding=1)), 32, 1, 1_700_196, 779_361),
    (replace(find_recipe("vgan")[0].networks.base, embedding=1), 32, 1, 1_700_196, 647_777),
    (Bottlenecked(WIDE), 128, 1, 33_277_636, 31_167_169),  # CelebA's
    (WIDE, 128, 1, 33_277_636, 29_067_969),
    (Bottlenecked(WIDE), 256, 1, 52_154_052, 50_043_585),  # LSUN's
    (WIDE, 256, 1, 52_154_052, 47_944_385),
    (Bottlenecked(FACES), 1024, 1, 18_810_036, 17_230_513),
])  # fmt: skip
def test_r1s_and_vgans_networks_have_the_published_numbers(pair, side, classes, generator, critic):
    data = Shape(3, side, side, Classes(classes))
    with torch.device("meta"), SkipRandomInit():
        assert (count(pair.generator(data)), count(pair.critic(data))) == (generator, critic)


def test_introvaes_presets_have_the_published_numbers():
    for name, side, encoder, generator in (("introvae", 256, 22_711_456, 16_190_819),
                                           ("introvae-1024", 1024, 27_445_328, 20_903_859)):  # fmt: skip
        nets, data = find_recipe(name)[0].networks, Shape(3, side, side)
        with torch.device("meta"), SkipRandomInit():
            assert (count(nets.encoder(data, 2)), count(nets.generator(data))) == (encoder, generator)


def test_sagans_own_networks_attend_at_32_pixels_with_doubling_channels():
    data, nets = Shape(3, 128, 128, Classes(1000)), find_recipe("sagan-imagenet")[0].networks
    with torch.device("meta"), SkipRandomInit():
        G, D = nets.generator(data), nets.critic(data)
    blocks = [block for block in G.blocks if hasattr(block, "first")]
    assert [block.first[2].out_channels for block in blocks] == [1024, 512, 256, 128, 64]
    assert not hasattr(G.blocks[3], "first") and G.blocks[3].query.in_channels == 256  # behind the map of 32
    assert D.embedding.weight.shape == (1000, 1024)


def test_a_critic_with_a_score_for_each_class_gives_a_sample_that_of_its_own():
    D, x = TOLD.critic(SMALL), torch.randn(5, 3, 16, 16)
    assert required_conditions(D) == {"label"}
    labels = torch.tensor([4, 0, 2, 2, 1])
    verdict = D(x, labels)
    every = D.head(verdict.features)
    assert every.shape == (5, 5) and torch.equal(verdict.score, every[torch.arange(5), labels])


def test_the_label_is_a_direction_beside_the_latent():
    G = TOLD.generator(SMALL)
    z, labels = torch.randn(4, 4), torch.tensor([0, 1, 4, 4])
    told = normalize(G.embedding.weight[labels], dim=1)
    made = G(z, labels)
    torch.testing.assert_close(made, G.generator(torch.cat([z, told], 1)))
    with torch.no_grad():
        G.embedding.weight.mul_(7)
    torch.testing.assert_close(G(z, labels), made)


def test_two_blocks_stand_at_each_size():
    for network, x in ((TOLD.generator(SMALL), torch.randn(2, 4)), (TOLD.critic(SMALL), torch.randn(2, 3, 16, 16))):
        sides = []
        for layer in network.modules():
            if type(layer).__name__ == "ResidualBlock":
                layer.register_forward_hook(lambda layer, x, y, sides=sides: sides.append(y.shape[2]))
        network(x, torch.tensor([0, 4]))
        assert sorted(sides) == [4, 4, 8, 8, 16, 16]


def test_what_r1s_networks_refuse():
    for fields, words in (({"blocks": 3}, "blocks is 3, but should be 1 or 2"), ({"embedding": -1}, "embedding is -1")):
        with pytest.raises(Mistake, match=words):
            DampedResidual(**fields)
    for make in (TOLD.generator, TOLD.critic):
        with pytest.raises(Mistake, match="told the class of each sample, but this data has no labels"):
            make(Shape(3, 16, 16))


NARROW = {
    "biggan": BigResNet(latent=8, width=1, shared=2),
    "sagan": ResNet(latent=4, width=1, widest=4, attention=32, spectral="both", head="sum"),
    "r1": DampedResidual(latent=4, width=1, widest=4),
    "vgan": Bottlenecked(DampedResidual(latent=4, width=1, widest=4)),
    "introvae": ResidualAutoencoder(latent=4, width=1, widest=4),
}
QUICK = (("sagan", 256), ("r1", 256), ("biggan", 512), ("vgan", 1024))
ROUNDS = [(name, side) for name in NARROW for side in (256, 512, 1024)]


def reals(data: Shape, n: int) -> Iterator[Images]:
    while True:
        yield Images(torch.rand(n, *data[:3]) * 2 - 1, torch.arange(n) if data.classes else None)


@pytest.mark.parametrize(("name", "side"), [
    case if case in QUICK else pytest.param(*case, marks=pytest.mark.slow) for case in ROUNDS])  # fmt: skip
def test_a_round_is_played_at_high_resolution(name: str, side: int):
    recipe, n = replace(find_recipe(name)[0], networks=NARROW[name]), 1 if side == 1024 else 2
    data = Shape(3, side, side, Classes(2)) if name == "biggan" else Shape(3, side, side)
    game = recipe.game(data)
    before = {key: p.detach().clone() for key, p in game.named_parameters()}
    report = Engine(game, recipe.steps).play(reals(data, n), clock=Clock())
    assert report and all(value.isfinite() for value in report.values())
    moved = {key.partition(".")[0] for key, p in game.named_parameters() if not torch.equal(p, before[key])}
    assert moved == {name for name, player in game.named_children() if any(True for _ in player.parameters())}
    with torch.no_grad():
        made = game.eval().make(game.latents(torch.empty(1, *data[:3])), torch.tensor([1]) if data.classes else None)
    assert made.shape == (1, 3, side, side) and made.isfinite().all()
