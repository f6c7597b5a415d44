"""Modulated convolutions and StyleGAN 2's networks, against weights of each sample's own and closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d

from saddle.capabilities import generate
from saddle.errors import Mistake
from saddle.games import StyleBased
from saddle.layers import Blur, Downsample, ScaledLeakyReLU, Upsample
from saddle.layers.equalized import EqualizedConv2d, RectifiedConv2d
from saddle.layers.modulated import ModulatedConv2d
from saddle.networks import Modulated
from saddle.parts import Shard, use_shard
from saddle.shape import Classes, Shape

SMALL, TINY = Modulated(8, 8, 2, 8, 8), Shape(3, 16, 16)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def grouped(layer: ModulatedConv2d, x: Tensor, w: Tensor) -> Tensor:
    """Equations 1 and 3 as they are written: a convolution of n groups, each with the weights of its own sample."""
    n, (outputs, inputs, *kernel) = len(x), layer.weight.shape
    s = layer.affine(w)
    own = s[:, None, :, None, None] * layer.weight * layer.scale
    if layer.demodulate:
        own = own / (own.square().sum((2, 3, 4), keepdim=True) + 1e-8).sqrt()
    together = x.reshape(1, n * inputs, *x.shape[2:])
    if layer.blur is None:
        made = conv2d(together, own.reshape(n * outputs, inputs, *kernel), padding=layer.padding, groups=n)
        return made.view(n, outputs, *x.shape[2:])
    turned = own.transpose(1, 2).reshape(n * inputs, outputs, *kernel)
    made = conv_transpose2d(together, turned, stride=2, groups=n)
    return layer.blur(made.view(n, outputs, *made.shape[2:]))


@pytest.mark.parametrize("options", [{}, {"up": True}, {"kernel": 1, "demodulate": False}])
def test_scaled_activations_equal_weights_of_each_samples_own(options):
    layer = ModulatedConv2d(5, 7, 6, **options)
    x, w = torch.randn(4, 5, 6, 8, requires_grad=True), torch.randn(4, 6, requires_grad=True)
    ours, theirs = layer(x, w), grouped(layer, x, w)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    seen, of = torch.randn_like(ours), (x, w, layer.weight, *layer.affine.parameters())
    for one, other in zip(*(torch.autograd.grad((y * seen).sum(), of) for y in (ours, theirs)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5 * float(other.abs().max()))


@pytest.mark.parametrize("scale", [0.3, 1.0, 5.0])
def test_demodulation_keeps_unit_variance_whatever_the_style(scale: float):
    layer = ModulatedConv2d(32, 16, 8)
    x, w = torch.randn(64, 32, 34, 34), torch.randn(1, 8).expand(64, -1) * scale
    inner = layer(x, w)[:, :, 1:-1, 1:-1]
    assert (inner.std((0, 2, 3)) - 1).abs().max() < 0.02


def test_filters_keep_constants():
    x = torch.full((1, 2, 8, 8), 3.0)
    for layer in (Upsample(), Downsample(), Blur(padding=2), nn.Sequential(Upsample(), Downsample())):
        inner = layer(x)[:, :, 2:-2, 2:-2]
        torch.testing.assert_close(inner, torch.full_like(inner, 3.0))
    assert Blur(padding=2)(x).shape[2:] == (9, 9)
    after_zeros = torch.zeros(1, 2, 17, 17)
    after_zeros[:, :, ::2, ::2] = 3.0
    inner = Blur(padding=1, gain=4)(after_zeros)[:, :, 2:-2, 2:-2]
    torch.testing.assert_close(inner, torch.full_like(inner, 3.0))


def test_a_rectified_convolution_is_a_convolution_and_a_rectifier():
    one, two = RectifiedConv2d(3, 4), nn.Sequential(EqualizedConv2d(3, 4), ScaledLeakyReLU())
    nn.init.normal_(one.bias)
    two[0].load_state_dict(one.state_dict())
    x = torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(one(x), two(x))
    assert EqualizedConv2d(3, 4, stride=2)(torch.randn(2, 3, 9, 9)).shape == (2, 4, 4, 4)


def test_layers_begin_with_numbers_of_one_size():
    """As good as: zeros beyond borders and the filter between sizes take some away, as they do in the paper's."""
    synthesis = Modulated(width=64, full=64).generator(Shape(3, 64, 64)).synthesis
    sizes: list[float] = []
    for conv in synthesis.convs:
        conv.register_forward_hook(lambda layer, x, y: sizes.append(float(y.detach().square().mean().sqrt())))
    synthesis(torch.randn(16, synthesis.layers, 512))
    assert len(sizes) == 9 and all(0.4 < size < 1.1 for size in sizes), sizes


def test_each_layer_has_a_style_and_a_size_gives_its_images_to_the_next():
    G = SMALL.generator(TINY)
    assert G.layers == 6 and Modulated().generator(TINY).layers == 6
    ws, made = torch.randn(2, 6, 8), []
    for i in range(6):
        other = ws.clone()
        other[:, i] += 1
        made.append((G.synthesis(other, noise=False) - G.synthesis(ws, noise=False)).abs().max())
    assert all(change > 1e-3 for change in made)
    by_hand = G.synthesis(G.mapping(torch.zeros(2, 8))[:, None].expand(-1, 6, -1), noise=False)
    torch.testing.assert_close(G(torch.zeros(2, 8)), by_hand)  # noise has no strength yet


def test_samples_are_functions_of_seed_and_place():
    game = StyleBased(SMALL.generator(TINY), SMALL.critic(TINY), 8).eval()
    for conv in game.generator.synthesis.convs:
        nn.init.ones_(conv.noise.strength)

    def made(first: int, n: int) -> Tensor:
        with use_shard(Shard(rng=torch.Generator().manual_seed(3), first=first, of=6)), torch.no_grad():
            return generate(game, torch.zeros(n, 3, 16, 16))

    torch.testing.assert_close(torch.cat([made(0, 2), made(2, 4)]), made(0, 6))


@pytest.mark.parametrize("data", [Shape(1, 28, 28), Shape(4, 16, 24), Shape(3, 20, 40)])
def test_networks_take_sides_that_halve(data: Shape):
    G, D = SMALL.generator(data), SMALL.critic(data)
    made = G(torch.randn(3, 8))
    assert made.shape == (3, *data[:3]) and D(made).score.shape == (3,)
    plain = Modulated(8, 8, 2, 8, 8, residual=False).critic(data)
    assert sum(p.numel() for p in plain.parameters()) < sum(p.numel() for p in D.parameters())


def test_labels_reach_styles_and_scores():
    pair, data = Modulated(8, 8, 2, 8, 8, conditional=True), Shape(1, 16, 16, Classes(3))
    G, D, z = pair.generator(data), pair.critic(data), torch.randn(1, 8).expand(3, -1)
    made = G(z, torch.arange(3))
    assert (made[0] - made[1]).abs().max() > 1e-3
    scores = D(made[:1].expand(3, -1, -1, -1).contiguous(), torch.arange(3)).score
    assert scores.unique().numel() == 3
    with pytest.raises(Mistake, match="got no labels"):
        G(z)
    with pytest.raises(Mistake, match=r"Modulated\(conditional=True\) is told the class .* leave conditional out"):
        pair.generator(Shape(1, 16, 16))
    with pytest.raises(Mistake, match="group is 1, but a deviation is of 2 samples or more"):
        Modulated(group=1)


def test_generators_export_with_any_batch():
    G = SMALL.generator(TINY).eval()
    batch = torch.export.Dim("batch", min=2, max=64)
    exported = torch.export.export(G, (torch.randn(4, 8),), dynamic_shapes=({0: batch},))
    z = torch.randn(7, 8)
    torch.testing.assert_close(exported.module()(z), G(z))
