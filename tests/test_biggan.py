"""BigGAN: its published sizes, what each block is told, how weights begin, and samples without the latents' tails."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from narrow import small
from saddle import load, measure, train
from saddle.cli import main
from saddle.core import required_conditions
from saddle.errors import Mistake
from saddle.inference.standing import take_standing_statistics
from saddle.layers import SelfAttention
from saddle.layers.conditional import ConditionalBatchNorm, EmbeddedBatchNorm, SharedEmbedding
from saddle.layers.init import LinearLayer, SkipRandomInit
from saddle.layers.priors import truncate_normal
from saddle.networks import BigResNet, DampedResidual
from saddle.networks.biggan import CRITIC_WIDTHS, GENERATOR_WIDTHS
from saddle.optim import SGD, Orthogonal
from saddle.recipes import find_recipe
from saddle.reports.words import describe_protocol
from saddle.shape import Classes, Shape

CIFAR, SMALL, ALONE = Shape(3, 32, 32, Classes(10)), Shape(1, 16, 16, Classes(3)), Shape(1, 16, 16)
NARROW = BigResNet(latent=6, width=2, shared=5)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dice = np.random.default_rng(0)
    data = {"image": dice.integers(0, 256, (24, 16, 16), np.uint8), "label": np.arange(24) % 3}
    folder = tmp_path_factory.mktemp("biggan") / "run"
    return train(small("biggan"), data, out=folder, images=24, pictures=0, quiet=True, device="cpu", threads=1)


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def imagenet(side: int) -> Shape:
    return Shape(3, side, side, Classes(1000))


@pytest.mark.parametrize(("pair", "data", "generator", "critic"), [
    (BigResNet(), imagenet(128), 70_433_988, 87_982_370),
    (find_recipe("biggan-cifar")[0].networks, CIFAR, 4_304_387, 4_207_361),
    # StudioGAN's; its critic has attention behind each of its four blocks, of 184,321 numbers, here behind the first
    (BigResNet(latent=80), CIFAR, 9_416_196, 10_194_053 - 3 * 184_321),
])  # fmt: skip
def test_parameters_are_as_many_as_published(pair, data, generator, critic):
    with torch.device("meta"), SkipRandomInit():
        assert (count(pair.generator(data)), count(pair.critic(data))) == (generator, critic)


def test_a_block_and_the_attention_of_imagenet_have_the_published_numbers():
    with torch.device("meta"), SkipRandomInit():
        G, D = BigResNet().generator(imagenet(128)), BigResNet().critic(imagenet(128)).inside.trunk
    sizes = [45_740_544, 17_789_184, 4_618_368, 1_240_128, 46_081, 352_800]
    assert [count(block) for block in G.blocks] == sizes
    assert (count(G.shared), count(G.start)) == (128_000, 516_096)
    assert [count(layer) for layer in D if count(layer)] == [
        86_112, 11_521, 516_672, 2_065_536, 8_259_840, 33_034_752, 42_470_400]  # fmt: skip


@pytest.mark.parametrize(("side", "maps", "latent"), [(64, 5, 100), (256, 7, 140), (512, 8, 160)])
def test_each_size_has_the_channels_of_its_table_and_twenty_numbers_for_each_block(side, maps, latent):
    with torch.device("meta"), SkipRandomInit():
        G, D = (make(imagenet(side)) for make in (BigResNet(latent).generator, BigResNet(latent).critic))
    blocks = [block for block in G.blocks if not isinstance(block, SelfAttention)]
    convolutions = [(b.first[2].in_channels, b.first[2].out_channels) for b in blocks]
    assert convolutions == [(96 * a, 96 * b) for a, b in pairwise(GENERATOR_WIDTHS[maps])]
    assert G.part == 20 == G.start[0].in_features
    widths = [b.main[-1 if isinstance(b.main[-1], nn.Conv2d) else -2].out_channels for b in D.inside.trunk
              if hasattr(b, "main")]  # fmt: skip
    assert widths == [96 * n for n in CRITIC_WIDTHS[maps]]


@pytest.mark.parametrize(("size", "places"), [
    ((32, 32), (16, 16)), ((28, 28), (14, 14)), ((64, 96), (32, 48)), ((128, 128), (64, 64)), ((192, 192), (48, 48)),
])  # fmt: skip
def test_both_players_attend_in_the_largest_maps_of_up_to_64_pixels(size, places):
    data = Shape(1, *size, Classes(2))
    pair = BigResNet(latent=8, width=1, shared=2)
    for network, x in ((pair.generator(data), torch.randn(2, 8)), (pair.critic(data), torch.randn(2, 1, *size))):
        seen = []
        for layer in network.modules():
            if isinstance(layer, SelfAttention):
                layer.register_forward_hook(lambda layer, x, y, seen=seen: seen.append(tuple(y.shape[2:])))
        network(x, torch.tensor([0, 1]))
        assert seen == [places]


def test_attention_is_the_identity_at_first_and_none_is_none():
    x = torch.randn(2, 8, 6, 4)
    assert torch.equal(SelfAttention(8)(x), x)
    nets = BigResNet(6, 2, 5, attention=0).generator(SMALL), BigResNet(6, 2, 5, attention=0).critic(SMALL)
    assert not any(isinstance(layer, SelfAttention) for net in nets for layer in net.modules())


@pytest.mark.parametrize("make", [NARROW.generator, NARROW.critic])
def test_weights_begin_orthogonal(make):
    """The fewer of rows and columns: the product with the transpose is the identity."""
    network, seen = make(CIFAR), 0
    for layer in network.modules():
        if isinstance(layer, LinearLayer | nn.Embedding):
            W = layer.parametrizations.weight.original.detach().double().flatten(1)
            gram = W @ W.T if W.shape[0] <= W.shape[1] else W.T @ W
            assert (gram - torch.eye(len(gram), dtype=gram.dtype)).abs().max() < 1e-5
            seen += 1
    assert seen > 10
    for layer in network.modules():
        assert getattr(layer, "bias", None) is None or not isinstance(layer.bias, Tensor) or not layer.bias.any()


def test_the_shared_embedding_begins_orthogonal_and_is_neither_normalised_nor_regularised():
    G = NARROW.generator(SMALL)
    rows = G.shared.rows.view(3, 5)
    torch.testing.assert_close(rows @ rows.T, torch.eye(3))
    assert all(parametrize.is_parametrized(m) for m in G.modules() if isinstance(m, LinearLayer))
    assert not parametrize.is_parametrized(G.shared)
    before = {key: p.detach().clone() for key, p in G.named_parameters()}
    with torch.no_grad():
        for p in G.parameters():
            p.grad = torch.zeros_like(p)
            p.mul_(1 + torch.rand_like(p))
        before = {key: p.clone() for key, p in G.named_parameters()}
    Orthogonal(SGD(1e-2), 1.0).build(G.parameters()).step()
    moved = {key for key, p in G.named_parameters() if not torch.equal(p, before[key])}
    assert moved == {key for key, p in G.named_parameters() if p.ndim > 1 and len(p) > 1}
    assert "shared.rows" not in moved


def test_normal_weights_are_those_of_the_cifar_form():
    recipe = find_recipe("biggan-cifar")[0]
    G = BigResNet(128, 8, 0, 0, "normal").generator(CIFAR)
    stds = [layer.parametrizations.weight.original.std().item() for layer in G.modules()
            if isinstance(layer, LinearLayer) and layer.weight.numel() > 5000]  # fmt: skip
    assert stds and stds == pytest.approx([0.02] * len(stds), rel=0.05)
    assert recipe.networks.init == "normal" and recipe.networks.latent == 128
    norms = [layer for layer in G.modules() if isinstance(layer, ConditionalBatchNorm)]
    assert len(norms) == 6 and G.shared is None and G.part == 0 and G.start[0].in_features == 128


def test_an_embedded_batch_norm_is_batch_norm_with_a_linear_gain_and_bias():
    layer, plain = EmbeddedBatchNorm(4, 3), nn.BatchNorm2d(4, affine=False)
    for mode in (True, False):
        x, c = torch.randn(6, 4, 5, 5) * 2 + 1, torch.randn(6, 3)
        gain, bias = 1 + c @ layer.gain.weight.T, c @ layer.bias.weight.T
        expected = gain[:, :, None, None] * plain.train(mode)(x) + bias[:, :, None, None]
        torch.testing.assert_close(layer.train(mode)(x, c), expected)


def test_every_block_is_told_its_own_part_of_the_latent_and_the_same_class():
    G = BigResNet(latent=11, width=2, shared=5, attention=0).generator(CIFAR)  # three blocks of 2, the rest first
    z, labels = torch.randn(4, 11), torch.tensor([0, 3, 9, 3])
    seen: list[Tensor] = []
    for block in G.blocks:
        block.before.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[1]))
        block.between.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[1]))
    G.start.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    G(z, labels)
    first, *told = seen
    assert torch.equal(first, z[:, :5])
    rows = G.shared.rows.view(10, 5)[labels]
    for i, (before, between) in enumerate(zip(told[::2], told[1::2], strict=True)):
        assert torch.equal(before, torch.cat([z[:, 5 + 2 * i :][:, :2], rows], 1)) and torch.equal(before, between)


def test_the_shared_embedding_learns_from_every_block():
    G = NARROW.generator(CIFAR)
    z, labels = torch.randn(8, 6), torch.arange(8) % 3
    norms = [layer for layer in G.modules() if isinstance(layer, EmbeddedBatchNorm)]
    assert len(norms) == 6
    for only in norms:
        for layer in norms:
            for linear in (layer.gain, layer.bias):
                linear.parametrizations.weight.original.requires_grad_(layer is only)
        told = [layer.register_forward_pre_hook(lambda layer, inputs, only=only: inputs if layer is only else
                                                (inputs[0], inputs[1].detach())) for layer in norms]  # fmt: skip
        (slope,) = torch.autograd.grad(G(z, labels).square().sum(), G.shared.rows)
        assert slope.view(10, 5)[:3].abs().sum(1).min() > 0 and not slope.view(10, 5)[3:].any()
        for hook in told:
            hook.remove()


def test_classes_and_parts_of_the_latent_both_change_the_image():
    G = NARROW.generator(SMALL).eval()
    z = torch.randn(1, 6).repeat(3, 1)
    a, b, c = G(z, torch.tensor([0, 1, 2]))
    assert min((a - b).abs().max(), (b - c).abs().max()) > 1e-3
    z[1, :2] += 1
    z[2, 4:] += 1
    a, b, c = G(z, torch.zeros(3, dtype=torch.int64))
    assert min((a - b).abs().max(), (a - c).abs().max()) > 1e-3


def test_data_without_labels_are_one_class_and_nobody_is_asked_for_it():
    G, D = NARROW.generator(ALONE), NARROW.critic(ALONE)
    assert not required_conditions(G) and not required_conditions(D)
    x = G(torch.randn(4, 6))
    assert x.shape == (4, 1, 16, 16) and D(x).score.shape == (4,)
    G(torch.randn(4, 6)).sum().backward()
    assert G.shared.rows.grad.any()
    for data in (SMALL, CIFAR):
        assert required_conditions(NARROW.generator(data)) == required_conditions(NARROW.critic(data)) == {"label"}


@pytest.mark.parametrize("size", [(8, 8), (12, 20), (28, 28), (48, 32)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_any_size_that_halves_and_any_channels(size, channels):
    data = Shape(channels, *size, Classes(2))
    x = NARROW.generator(data)(torch.randn(2, 6), torch.tensor([0, 1]))
    assert x.shape == (2, channels, *size) and NARROW.critic(data)(x, torch.tensor([0, 1])).score.shape == (2,)


def test_a_thousand_pixels_have_one_more_map_next_to_the_image():
    with torch.device("meta"), SkipRandomInit():
        G = BigResNet(180, 2, 5).generator(imagenet(1024))
        D = BigResNet(180, 2, 5).critic(imagenet(1024))
    assert [b.first[2].out_channels for b in G.blocks if not isinstance(b, SelfAttention)] == [
        32, 16, 16, 8, 4, 2, 2, 2]  # fmt: skip
    assert D.inside.trunk[0].main[0].out_channels == 2


@pytest.mark.parametrize(("fields", "words"), [
    ({"shared": -1}, "shared is -1, but should be 0 or more"), ({"attention": -1}, "attention is -1"),
    ({"init": "glorot"}, "init is 'glorot', but should be one of orthogonal, normal"), ({"width": 0}, "width is 0"),
])  # fmt: skip
def test_fields_out_of_range_are_refused(fields, words):
    with pytest.raises(Mistake, match=words):
        BigResNet(**fields)


def test_a_latent_with_too_few_numbers_for_all_blocks_is_refused_with_one_that_has():
    with pytest.raises(Mistake, match=r"each of 3 blocks and the first layer has a part of it; give .*latent 80"):
        BigResNet(latent=3).generator(CIFAR)
    BigResNet(latent=4, width=1).generator(CIFAR)
    BigResNet(latent=1, width=1, shared=0).generator(CIFAR)


@pytest.mark.parametrize("threshold", [0.04, 0.5, 1.0, 2.0])
def test_truncated_latents_stay_within_the_threshold_and_have_the_variance_of_the_formula(threshold):
    z = torch.randn(400_000)
    cut = truncate_normal(z, threshold)
    assert cut.abs().max() <= threshold
    assert torch.equal(cut[z.abs() <= threshold], z[z.abs() <= threshold])
    density = math.exp(-(threshold**2) / 2) / math.sqrt(2 * math.pi)
    variance = 1 - 2 * threshold * density / math.erf(threshold / math.sqrt(2))
    assert cut.var().item() == pytest.approx(variance, rel=0.01)
    assert abs(cut.mean().item()) < 4 * math.sqrt(variance / len(z))


def test_what_is_drawn_anew_is_drawn_as_what_stays():
    """The share below each place is that of the truncated distribution, of the numbers that were outside alone."""
    z = torch.randn(200_000).double()
    new = truncate_normal(z, 0.7)[z.abs() > 0.7]
    at = torch.linspace(-0.6, 0.6, 7, dtype=torch.float64)
    below = (new[:, None] < at).double().mean(0)
    low = torch.special.ndtr(torch.tensor(-0.7, dtype=torch.float64))
    torch.testing.assert_close(below, (torch.special.ndtr(at) - low) / (1 - 2 * low), atol=0.006, rtol=0)


def test_truncating_is_no_scaling_and_bends_no_walk():
    z = torch.linspace(-6, 6, 100_001, dtype=torch.float64)
    cut = truncate_normal(z, 0.5)
    assert cut.diff().abs().max() < 1e-3  # steady: neighbours stay neighbours
    assert not torch.allclose(cut, cut.max() / z.max() * z, atol=0.1)
    inside = torch.randn(1000).clamp(-0.5, 0.5)
    assert torch.equal(truncate_normal(inside, 0.5), inside)  # where scaling would halve
    torch.testing.assert_close(truncate_normal(z, 1e3), z)


def test_a_loaded_biggan_is_sampled_by_class_truncated_and_in_parts(run: Path):
    model = load(run)
    samples = model.sample(70, seed=3)  # more than a batch of four, and more than a block of 64
    assert samples.shape == (70, 1, 16, 16)
    torch.testing.assert_close(model.sample(70, seed=3, label=1)[:2], model.sample(2, seed=3, label=1))
    few = model.sample(8, seed=3, truncation=0.3)
    assert not torch.allclose(few, samples[:8]) and few.var(0).mean() < samples.var(0).mean()
    with pytest.raises(Mistake, match=r"truncation is 0\.0, but should be above 0"):
        model.sample(1, truncation=0.0)
    with pytest.raises(Mistake, match="there is no class 7"):
        model.game.make(torch.randn(1, 8), torch.tensor([7]))


def test_truncation_is_of_normal_latents_alone():
    from saddle.layers.priors import Uniform

    game = find_recipe("biggan")[0].__class__(NARROW, prior=Uniform()).game(SMALL)
    with pytest.raises(Mistake, match=r"truncation draws normal latents anew, but these are of Uniform"):
        game.make(torch.rand(2, 6), torch.tensor([0, 1]), truncation=1.0)


def said(data: object, folder: Path, **options: object) -> list[str]:
    from saddle.training.callbacks.base import Callback

    class Ear(Callback):
        def __init__(self) -> None:
            self.heard: list[str] = []

        def on_message(self, sentence: str) -> None:
            self.heard.append(sentence)

    ear = Ear()
    train(small("biggan"), data, out=folder, images=8, pictures=0, device="cpu", threads=1, watch=ear, **options)
    return ear.heard


def test_one_class_for_all_pictures_is_said(tmp_path: Path):
    images = np.random.default_rng(0).integers(0, 256, (16, 16, 16), np.uint8)
    assert any("all are taken as of one class" in s for s in said(images, tmp_path / "a"))
    one = {"image": images, "label": np.zeros(16, np.int64)}
    assert any("all pictures are of one class" in s for s in said(one, tmp_path / "b"))
    two = {"image": images, "label": np.arange(16) % 2}
    assert not any("one class" in s for s in said(two, tmp_path / "c"))


def test_shared_rows_are_read_as_a_table_is():
    table = nn.Embedding(4, 3)
    labels = torch.tensor([3, 0, 3])
    assert torch.equal(SharedEmbedding(table)(labels), table(labels))


def test_standing_statistics_are_those_of_one_big_batch(run: Path):
    """Samples at rest are then those that the big batch, with the same latents and labels, shows in training mode."""
    plain, model = load(run), load(run, standing=24)
    G, parts = plain.game.generator, []
    G.register_forward_pre_hook(lambda layer, inputs: parts.append(inputs))
    before = plain.sample(24)
    latents, labels = (torch.cat(rows) for rows in zip(*parts, strict=True))
    for layer in G.modules():
        layer.train(isinstance(layer, nn.BatchNorm2d))  # spectral norms stay where they are
    with torch.no_grad():
        big = G(latents, labels)
    torch.testing.assert_close(model.sample(24), big, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(before, big, atol=1e-2)


def test_standing_statistics_repeat_and_hang_on_nothing_but_the_weights_and_the_style(run: Path):
    a, b = load(run, standing=9), load(run, standing=9)
    assert torch.equal(a.sample(4, seed=5), b.sample(4, seed=5))
    b.rows = 2  # however few are made at a time
    take_standing_statistics(b, 9)
    torch.testing.assert_close(a.sample(4, seed=5), b.sample(4, seed=5), atol=1e-5, rtol=1e-4)
    take_standing_statistics(b, 9, truncation=0.1)
    assert not torch.allclose(a.sample(4, seed=5), b.sample(4, seed=5), atol=1e-3)
    assert not any(layer.training for layer in a.game.modules())


def test_standing_is_an_option_of_sample(run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["sample", str(run), "--standing", "8", "--truncation", "0.5"]) == 0
    assert capsys.readouterr().out.strip().endswith("samples-0-standing-8-truncation-0.5.png")
    assert main(["sample", str(run), "--standing", "1"]) == 2
    assert "standing is 1, but should be 2 or more" in capsys.readouterr().err


def test_standing_is_an_option_of_measure_which_the_protocol_names(run: Path, capsys: pytest.CaptureFixture[str]):
    data = {"image": np.random.default_rng(0).integers(0, 256, (24, 16, 16), np.uint8), "label": np.arange(24) % 3}
    how = {"data": data, "metrics": "swd", "n": 24, "device": "cpu"}
    (plain,), (new,) = measure(run, **how), measure(run, standing=8, **how)
    (same,) = measure({"image": load(run, standing=8).sample(24).numpy()}, {"image": data["image"]}, metrics="swd")
    assert (plain.protocol.standing, new.protocol.standing, new.protocol.generator) == (0, 8, "averaged")
    assert plain.value != new.value == pytest.approx(same.value)
    assert "24 samples by standing statistics of 8 of the averaged weights" in describe_protocol(new.protocol)
    assert main(["measure", str(run), "--standing", "1"]) == 2
    assert "standing is 1, but should be 2 or more" in capsys.readouterr().err
    with pytest.raises(Mistake, match="is no run, so it has no standing statistics"):
        measure(data, data, metrics="swd", standing=8)


def test_what_has_no_batch_normalisation_has_no_standing_statistics(tmp_path: Path):
    images = np.random.default_rng(0).integers(0, 256, (16, 16, 16), np.uint8)
    without = replace(small("r1"), networks=DampedResidual(4, 2, 4))
    run = train(without, images, out=tmp_path / "run", images=8, pictures=0, quiet=True, device="cpu", threads=1)
    with pytest.raises(Mistake, match="no sample of this run passes batch normalisation"):
        load(run, standing=16)
    load(run)
    with pytest.raises(Mistake, match=r"standing is 1, .* 16384 is usual"):
        load(run, standing=1)
