"""Building blocks are what the straightforward form says, and so are their gradients and the gradients of these."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import conv2d, leaky_relu

from saddle.layers import MinibatchStd, SelfAttention
from saddle.layers.minibatch import MinibatchDiscrimination
from saddle.layers.modulated import ModulatedConv2d
from saddle.layers.resampling import Downsample, Upsample
from saddle.layers.style import ScaledLeakyReLU

pytestmark = pytest.mark.usefixtures("double")
TAPS = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.float64) / 8


def agree(form, straight, *inputs):
    """Values, gradients of their mean square, and gradients of the norm of these."""
    found = []
    for function in (form, straight):
        leaves = [t.detach().clone().requires_grad_() for t in inputs]
        out = function(*leaves)
        first = torch.autograd.grad(out.square().mean(), leaves, create_graph=True)
        second = torch.autograd.grad(sum(g.square().sum() for g in first), leaves)
        found.append((out, *first, *second))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def filtered(x):
    """1 3 3 1 at every place from one beyond the border on, place by place."""
    wide = x.new_zeros(*x.shape[:2], x.shape[2] + 2, x.shape[3] + 2)
    wide = wide + nn.functional.pad(x, (1, 1, 1, 1))
    h, w = wide.shape[2] - 3, wide.shape[3] - 3
    return sum(TAPS[i] * TAPS[j] * wide[:, :, i : i + h, j : j + w] for i in range(4) for j in range(4))


def spread(x):
    """Zeros between the pixels, and one more beyond each border, where the filter reaches."""
    h, w = x.shape[2:]
    rows = torch.stack((x, torch.zeros_like(x)), 3).flatten(2, 3)[:, :, : 2 * h - 1]
    whole = torch.stack((rows, torch.zeros_like(rows)), 4).flatten(3, 4)[..., : 2 * w - 1]
    return nn.functional.pad(whole, (1, 1, 1, 1))


def test_filters_are_sums_over_neighbours():
    x = torch.randn(2, 3, 8, 6)
    agree(Downsample(), lambda x: filtered(x)[:, :, ::2, ::2], x)
    agree(Upsample(), lambda x: 4 * filtered(spread(x)), x)


@pytest.mark.parametrize("groups", [2, 8])
def test_a_grouped_convolution_is_one_for_each_group(groups):
    x, weight = torch.randn(3, 16, 5, 5), torch.randn(16, 16 // groups, 3, 3)

    def apart(x, weight):
        pairs = zip(x.chunk(groups, 1), weight.chunk(groups), strict=True)
        return torch.cat([conv2d(part, own, padding=1) for part, own in pairs], 1)

    agree(lambda x, weight: conv2d(x, weight, padding=1, groups=groups), apart, x, weight)


@pytest.mark.parametrize("n", [8, 7])
def test_the_deviation_of_a_group_is_that_of_torch(n):
    def straight(x):
        maps = [g.var(0, correction=0).add(1e-8).sqrt().mean().expand(len(g), 1, 2, 2) for g in x.tensor_split(2)]
        return torch.cat([x, torch.cat(maps)], 1)

    agree(MinibatchStd(4), straight, torch.randn(n, 3, 2, 2))


def test_discrimination_compares_each_with_each():
    layer = MinibatchDiscrimination(4, kernels=3, size=2).double()

    def straight(x):
        m = layer.project(x).view(len(x), 3, 2)
        closeness = [[(-(a - b).abs().sum(1)).exp() for b in m if b is not a] for a in m.unbind()]
        return torch.stack([torch.stack(row).sum(0) for row in closeness]) - 1

    agree(layer, straight, torch.randn(5, 4))


def test_attention_is_a_mean_for_each_place():
    layer = SelfAttention(8).double().eval()
    nn.init.constant_(layer.gamma, 0.7)

    def straight(x):
        q, (k, v) = layer.query(x), (nn.functional.max_pool2d(f(x), 2).flatten(2) for f in (layer.key, layer.value))
        places = [(v * (q[:, :, i, j, None] * k).sum(1, keepdim=True).softmax(2)).sum(2)
                  for i in range(x.shape[2]) for j in range(x.shape[3])]  # fmt: skip
        return x + layer.gamma * layer.out(torch.stack(places, 2).view(len(x), -1, *x.shape[2:]))

    agree(layer, straight, torch.randn(2, 8, 4, 4))


@pytest.mark.parametrize("up", [False, True])
def test_modulated_activations_are_modulated_weights(up):
    layer = ModulatedConv2d(3, 4, 5, up=up).double()

    def straight(x, w):
        return torch.cat([one_sample(layer, x[i : i + 1], w[i : i + 1]) for i in range(len(x))])

    agree(layer, straight, torch.randn(2, 3, 4, 4), torch.randn(2, 5))


def one_sample(layer, x, w):
    weight = layer.weight * layer.scale * layer.affine(w)[:, :, None, None]
    return layer.convolve(x, weight * (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).rsqrt())


def test_a_scaled_rectifier_is_a_rectifier_and_a_gain():
    agree(ScaledLeakyReLU(), lambda x: leaky_relu(x, 0.2) * 2**0.5, torch.randn(4, 3, 2, 2))
