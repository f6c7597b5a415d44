"""Layers: convolutions, maxout, residual blocks, attention, batches that see themselves, filters, how weights begin."""

from __future__ import annotations

from math import sqrt

import pytest
import torch
from torch import nn
from torch.nn.functional import (
    avg_pool2d,
    conv2d,
    conv_transpose2d,
    interpolate,
    max_pool2d,
    pad,
    scaled_dot_product_attention,
)

from saddle.errors import Mistake
from saddle.image_size import ImageSize
from saddle.layers import (
    Downsample,
    EqualizedConv2d,
    EqualizedLinear,
    GlobalSumPool,
    Maxout,
    MinibatchDiscrimination,
    MinibatchStd,
    PixelNorm,
    SelfAttention,
    Upsample,
    glorot_uniform,
    he_uniform,
)
from saddle.layers.matmul_convs import GlobalConv, LatentConv
from saddle.layers.residual import ResidualBlock, down_block, same_block, up_block
from saddle.networks import DampedResidual, GroupedResidual, OrthogonalPerceptron
from saddle.networks.r3gan import PatternHead
from saddle.shape import Shape


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "padding"), [(3, 3, 2, 1), (4, 4, 2, 1), (5, 5, 2, 2), (3, 3, 3, 0), (1, 4, 1, 0)]
)
def test_a_transposed_convolution_is_a_convolution_between_inserted_zeros(side, kernel, stride, padding):
    x, w = torch.randn(2, 3, side, side).double(), torch.randn(3, 4, kernel, kernel).double()
    spread = x.new_zeros(2, 3, (side - 1) * stride + 1, (side - 1) * stride + 1)
    spread[..., ::stride, ::stride] = x
    slow = conv2d(spread, w.flip(2, 3).transpose(0, 1), padding=kernel - 1 - padding)
    fast = conv_transpose2d(x, w, stride=stride, padding=padding)
    assert fast.shape[2] == (side - 1) * stride - 2 * padding + kernel
    torch.testing.assert_close(fast, slow)


def test_a_transposed_convolution_is_the_adjoint_of_its_convolution():
    w, x, y = torch.randn(5, 3, 4, 4).double(), torch.randn(2, 3, 8, 8).double(), torch.randn(2, 5, 4, 4).double()
    there, back = conv2d(x, w, stride=2, padding=1), conv_transpose2d(y, w, stride=2, padding=1)
    torch.testing.assert_close((there * y).sum(), (x * back).sum())


def test_maxout_is_the_largest_of_linear_functions():
    layer, x = Maxout(7, 4, 3).double(), torch.randn(5, 7).double()
    w, b = layer.linear.weight.reshape(3, 4, 7), layer.linear.bias.reshape(3, 4)
    torch.testing.assert_close(layer(x), torch.stack([x @ w[i].T + b[i] for i in range(3)]).amax(0))


def test_he_keeps_the_size_of_what_a_rectifier_lets_through():
    x = torch.randn(8, 64, 16, 16)
    for layer in (nn.Conv2d(64, 64, 5, padding=2), nn.ConvTranspose2d(64, 64, 4, 2, 1), nn.Conv2d(64, 32, 4, 2, 1)):
        inside = he_uniform(layer)(x)[..., 3:-3, 3:-3]
        assert inside.relu().square().mean().item() == pytest.approx(1, rel=0.05)


def test_glorot_is_he_where_as_much_goes_in_as_out_but_for_the_rectifier():
    narrow, wide = glorot_uniform(nn.Linear(300, 500)), glorot_uniform(nn.Conv2d(20, 20, 3))
    assert narrow.weight.std().item() == pytest.approx(sqrt(2 / 800), rel=0.02)
    assert wide.weight.var().item() == pytest.approx(he_uniform(nn.Conv2d(20, 20, 3)).weight.var().item() / 2, rel=0.1)
    assert not narrow.bias.any() and not wide.bias.any()


def test_residual_skips_in_either_order_are_the_same_function():
    x = torch.randn(2, 6, 8, 8)
    up, down = up_block(6, 6).skip, down_block(6, 6).skip
    torch.testing.assert_close(up(x), up[0](interpolate(x, scale_factor=2.0)))
    torch.testing.assert_close(down(x), avg_pool2d(down[1](x), 2))


@pytest.mark.parametrize("block", [up_block(6, 6), down_block(6, 6), down_block(6, 6, first=True), same_block(6)])
def test_residual_blocks_leave_their_input_alone(block):
    x = torch.randn(2, 6, 8, 8)
    before = x.clone()
    y = block(x)
    assert torch.equal(x, before)
    torch.testing.assert_close(y - block.main(x), block.skip(x))


def awake(width: int) -> SelfAttention:
    layer = SelfAttention(width).eval()
    nn.init.constant_(layer.gamma, 0.7)
    return layer


def test_attention_begins_as_the_identity_and_can_leave_it():
    layer, x = SelfAttention(16), torch.randn(2, 16, 4, 4)
    assert torch.equal(layer(x), x)
    layer(x).square().sum().backward()
    assert layer.gamma.grad.abs() > 0


def test_attention_is_a_weighted_mean_of_pooled_values():
    layer, x = awake(16), torch.randn(2, 16, 6, 4)
    heads = layer.query(x), max_pool2d(layer.key(x), 2), max_pool2d(layer.value(x), 2)
    q, k, v = (head.flatten(2).transpose(1, 2) for head in heads)
    found = scaled_dot_product_attention(q, k, v, scale=1.0).transpose(1, 2).unflatten(2, (6, 4))
    torch.testing.assert_close(layer(x), x + 0.7 * layer.out(found))


def test_attention_knows_no_places():
    """Moving whole squares of 2x2, which keys and values are pooled over, moves the answer along."""
    layer, x, order = awake(16), torch.randn(2, 16, 6, 6), torch.randperm(9)

    def moved(x):
        squares = x.unflatten(3, (3, 2)).unflatten(2, (3, 2)).transpose(3, 4).flatten(2, 3)  # (n, c, 9, 2, 2)
        return squares[:, :, order].unflatten(2, (3, 3)).transpose(3, 4).flatten(4, 5).flatten(2, 3)

    torch.testing.assert_close(layer(moved(x)), moved(layer(x)))


def test_attention_of_one_colour_finds_that_colour():
    layer, x = awake(8), torch.randn(2, 8, 1, 1).expand(-1, -1, 4, 4)
    torch.testing.assert_close(layer(x), x + 0.7 * layer.out(layer.value(x)))


def test_attention_has_second_derivatives():
    layer, x = awake(8).double(), torch.randn(1, 8, 2, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(layer, (x,))


def test_attention_takes_the_narrowest_of_layers():
    assert SelfAttention(1)(torch.randn(1, 1, 2, 2)).shape == (1, 1, 2, 2)


def test_minibatch_discrimination_one_pair_at_a_time():
    layer, x = MinibatchDiscrimination(7, 4, 3), torch.randn(5, 7)
    m = layer.project(x).detach().reshape(5, 4, 3)
    slow = [[sum(torch.exp(-(m[i, b] - m[j, b]).abs().sum()) for j in range(5) if j != i) for b in range(4)]
            for i in range(5)]  # fmt: skip
    torch.testing.assert_close(layer(x), torch.tensor(slow))


def test_minibatch_discrimination_from_copies_to_strangers():
    layer, x = MinibatchDiscrimination(7, 4, 3), torch.randn(6, 7)
    assert torch.equal(layer(x[:1].expand(6, -1)), torch.full((6, 4), 5.0))  # everyone equals all n - 1 others
    assert layer(1e4 * x).max() < 1e-6
    order = torch.randperm(6)
    torch.testing.assert_close(layer(x[order]), layer(x)[order])


def test_minibatch_discrimination_pushes_near_copies_apart():
    layer, x = MinibatchDiscrimination(7, 4, 3), torch.randn(1, 7) + 0.01 * torch.randn(6, 7)
    x.requires_grad_()
    (slope,) = torch.autograd.grad(layer(x).sum(), x)
    spread = lambda x: (x - x.mean(0)).norm().item()  # noqa: E731
    assert spread(x - 1e-3 * slope) > spread(x)


def test_minibatch_discrimination_of_many_samples_keeps_no_differences(monkeypatch: pytest.MonkeyPatch):
    layer, x = MinibatchDiscrimination(7, 4, 3).double(), torch.randn(9, 7, dtype=torch.float64, requires_grad=True)

    def slopes() -> tuple[list[torch.Tensor], int]:
        kept: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: (kept.append(t.numel()), t)[1], lambda t: t):
            out = layer(x)
        first = torch.autograd.grad(out.square().sum(), (x, layer.project.weight), create_graph=True)
        return [out, *first, *torch.autograd.grad(first[0].square().sum(), (x, layer.project.weight))], max(kept)

    whole, most = slopes()
    monkeypatch.setattr("saddle.layers.minibatch.DIFFERENCES_AT_ONCE", 4 * 3 * 9 * 2)  # two samples at a time, one last
    parts, fewer = slopes()
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    assert most == 4 * 3 * 9 * 9 and fewer == 4 * 3 * 9, "as many numbers as there are functions of samples"


def test_minibatch_discrimination_is_exact_in_reduced_precision():
    layer, x = MinibatchDiscrimination(7, 4, 3), torch.randn(6, 7)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer(x), layer(x.clone())) and layer(x).dtype == torch.float32
        reduced = layer(x)
    assert torch.equal(layer(x), reduced)


def test_the_filter_is_a_smoothing_between_copies_or_means():
    line = torch.tensor([1.0, 2.0, 1.0]) / 4
    smooth = torch.outer(line, line).expand(3, 1, 3, 3)
    x = torch.randn(2, 3, 8, 8)
    down = avg_pool2d(conv2d(x, smooth, padding=1, groups=3), 2)
    torch.testing.assert_close(Downsample()(x), down)
    up = conv2d(interpolate(x, scale_factor=2.0), smooth, padding=1, groups=3)
    torch.testing.assert_close(Upsample()(x), up)


def test_the_filter_up_is_the_filter_down_turned_around():
    x, y = torch.randn(2, 3, 8, 8), torch.randn(2, 3, 4, 4)
    torch.testing.assert_close((Downsample()(x) * y).sum() * 4, (x * Upsample()(y)).sum())


def test_the_filter_keeps_planes():
    plane = (torch.arange(8.0)[:, None] - 2 * torch.arange(8.0))[None, None]
    inside = (..., slice(2, -2), slice(2, -2))
    rows = torch.arange(16.0) / 2 - 0.25  # where the centres of the smaller pixels lie among the larger
    torch.testing.assert_close(Upsample()(plane)[inside][0, 0], (rows[:, None] - 2 * rows)[2:-2, 2:-2])
    bordered = pad(torch.ones(1, 1, 4, 4), (1, 1, 1, 1))
    torch.testing.assert_close(GlobalSumPool()(Downsample()(bordered)), GlobalSumPool()(bordered) / 4)


def test_grouped_blocks_begin_as_the_identity():
    data, x = Shape(3, 16, 16), torch.randn(4, 3, 16, 16)
    D = GroupedResidual(8, 64).critic(data)
    blocks = [layer for layer in D.trunk if isinstance(layer, ResidualBlock)]
    assert len(blocks) == 2 * 3
    h = torch.randn(2, 64, 4, 4)
    assert all(torch.equal(block(h), h) for block in blocks)
    plainly = nn.Sequential(*[layer for layer in D.trunk if not isinstance(layer, ResidualBlock)])
    assert torch.equal(D.trunk(x), plainly(x))
    torch.testing.assert_close(D(3 * x).score, 3 * D(x).score)  # so all of it begins linear
    for conv in (blocks[0].main[0], blocks[0].main[2]):
        expected = sqrt(2 / 1.04) * 6**-0.25 / sqrt(conv.weight[0].numel())
        assert conv.weight.std().item() == pytest.approx(expected, rel=0.03)


def test_a_likeness_is_a_convolution_of_each_channel_with_its_pattern():
    layer, x = PatternHead(6, ImageSize(4, 4)), torch.randn(2, 6, 4, 4)
    torch.testing.assert_close(layer(x), conv2d(x, layer.patterns[:, None], groups=6)[:, :, 0, 0])


def test_grouped_networks_narrow_beyond_32_pixels_only():
    widths = GroupedResidual(8, 64).widths(Shape(3, 256, 256))
    assert widths == [64, 64, 64, 64, 32, 16, 8]


def test_a_damped_block_adds_a_tenth():
    block = DampedResidual(8, 4).critic(Shape(1, 8, 8)).trunk[3]
    x = torch.randn(2, 4, 4, 4)
    torch.testing.assert_close(block(x) - block.skip(x), 0.1 * block.main[:-1](x))


def test_orthogonal_weights_have_the_gain_as_their_only_singular_value():
    pair, data = OrthogonalPerceptron(8, 16, shrink=4.0), Shape(2, 1, 1)
    for module in (pair.generator(data), pair.critic(data)):
        for layer in module.modules():
            if isinstance(layer, nn.Linear):
                torch.testing.assert_close(
                    torch.linalg.svdvals(layer.weight), torch.full((min(layer.weight.shape),), 1.4)
                )
    D, plainly = pair.critic(data), OrthogonalPerceptron(8, 16).critic(data)
    D.load_state_dict(dict(zip(D.state_dict(), plainly.state_dict().values(), strict=True)))
    x = torch.randn(3, 2, 1, 1)
    assert torch.equal(D(4 * x).score, plainly(x).score)


@pytest.mark.parametrize("bias", [True, False])
def test_a_convolution_at_an_end_is_a_matrix_product(bias: bool):
    torch.manual_seed(0)
    one, many = torch.randn(3, 5, 1, 1, dtype=torch.float64), torch.randn(3, 5, 4, 4, dtype=torch.float64)
    for layer, usual, x in (
        (LatentConv(5, 6, 4, bias=bias), nn.ConvTranspose2d(5, 6, 4, bias=bias), one),
        (GlobalConv(5, 2, 4, bias=bias), nn.Conv2d(5, 2, 4, bias=bias), many),
    ):
        usual.load_state_dict(layer.state_dict())
        for form in (torch.contiguous_format, torch.channels_last):
            torch.testing.assert_close(layer.double().to(memory_format=form)(x), usual.double()(x))
    with pytest.raises(Mistake, match="one pixel, not 4x4"):
        LatentConv(5, 6, 4).double()(many)
    with pytest.raises(Mistake, match=r"not \(1, 1\)"):
        GlobalConv(5, 6, 4).double()(one)


@torch.no_grad()
def test_equalised_layers_keep_variance_and_move_by_their_share():
    x = torch.randn(4096, 64)
    assert EqualizedLinear(64, 64)(x).std() == pytest.approx(1, abs=0.03)
    slow = EqualizedLinear(64, 64, lr_multiplier=0.01, bias_init=1.0)
    assert slow.weight.std() == pytest.approx(100, rel=0.03) and slow(x).std() == pytest.approx(1, abs=0.03)
    assert slow(x).mean() == pytest.approx(1, abs=0.05)
    before = slow(x)
    slow.bias += 1.0
    torch.testing.assert_close(slow(x), before + 0.01, atol=1e-4, rtol=0)
    out = EqualizedConv2d(16, 32, gain=sqrt(2))(torch.randn(8, 16, 12, 12))
    assert out.shape == (8, 32, 12, 12) and out[..., 1:-1, 1:-1].std() == pytest.approx(sqrt(2), rel=0.05)


def test_pixel_norm_makes_each_place_of_unit_mean_square():
    x = 7 * torch.randn(3, 5, 4, 4)
    torch.testing.assert_close(PixelNorm()(x).square().mean(1), torch.ones(3, 4, 4))
    torch.testing.assert_close(PixelNorm()(3 * x), PixelNorm()(x))


def test_the_deviation_of_a_group_is_a_map_of_its_own():
    x = torch.randn(8, 3, 2, 2)
    out = MinibatchStd(4)(x)
    assert torch.equal(out[:, :3], x)
    for i in (0, 4):
        spread = x[i : i + 4].std(0, correction=0).mean()
        torch.testing.assert_close(out[i : i + 4, 3], spread.expand(4, 2, 2), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(MinibatchStd(4)(x[4:]), out[4:])  # parts that groups divide see what the whole sees
    assert (
        MinibatchStd(4)(x[:1])[:, 3].abs().max() < 1e-3
        and MinibatchStd(4)(x[:1].expand(4, -1, -1, -1))[0, 3].max() < 1e-3
    )


def test_groups_that_do_not_divide_a_batch_are_as_equal_as_they_can_be():
    x = torch.randn(7, 3, 2, 2)
    out = MinibatchStd(4)(x)[:, 3, 0, 0]
    for own, rows in ((out[:4], x[:4]), (out[4:], x[4:])):
        torch.testing.assert_close(own, rows.std(0, correction=0).mean().expand(len(rows)), atol=1e-6, rtol=1e-5)
