"""Layers: transposed convolutions, maxout, residual blocks, how weights begin."""

from __future__ import annotations

from math import sqrt

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d, conv_transpose2d, interpolate

from saddle.layers import Maxout, glorot, he
from saddle.layers.residual import doubling, halving, plain


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
        inside = he(layer)(x)[..., 3:-3, 3:-3]
        assert inside.relu().square().mean().item() == pytest.approx(1, rel=0.05)


def test_glorot_is_he_where_as_much_goes_in_as_out_but_for_the_rectifier():
    narrow, wide = glorot(nn.Linear(300, 500)), glorot(nn.Conv2d(20, 20, 3))
    assert narrow.weight.std().item() == pytest.approx(sqrt(2 / 800), rel=0.02)
    assert wide.weight.var().item() == pytest.approx(he(nn.Conv2d(20, 20, 3)).weight.var().item() / 2, rel=0.1)
    assert not narrow.bias.any() and not wide.bias.any()


def test_residual_skips_in_either_order_are_the_same_function():
    x = torch.randn(2, 6, 8, 8)
    up, down = doubling(6).skip, halving(6, 6).skip
    torch.testing.assert_close(up(x), up[0](interpolate(x, scale_factor=2.0)))
    torch.testing.assert_close(down(x), avg_pool2d(down[1](x), 2))


@pytest.mark.parametrize("block", [doubling(6), halving(6, 6), halving(6, 6, first=True), plain(6)])
def test_residual_blocks_leave_their_input_alone(block):
    x = torch.randn(2, 6, 8, 8)
    before = x.clone()
    y = block(x)
    assert torch.equal(x, before)
    torch.testing.assert_close(y - block.main(x), block.skip(x))
