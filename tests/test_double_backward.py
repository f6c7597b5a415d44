"""Convolutions that are differentiated twice give torch's own values, and work nothing out that nobody asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d
from torch.utils._python_dispatch import TorchDispatchMode

from saddle.clock import Clock
from saddle.core import Judge, as_leaf
from saddle.double_backward import OWN, DoubleBackward
from saddle.penalties.gradients import grad_norm_sq
from saddle.recipes import find_recipe
from saddle.shape import Shape

Kernel = tuple[int, int, int, int]
CONVOLUTIONS: list[tuple[Kernel, dict[str, Any]]] = [
    ((4, 2, 3, 3), {"padding": 1}),
    ((4, 2, 4, 4), {"stride": 2, "padding": 1}),
    ((4, 2, 3, 3), {"stride": 2}),  # the last row and column are reached by no kernel
    ((4, 1, 3, 2), {"stride": (1, 2), "padding": (1, 0), "groups": 2}),
    ((2, 2, 2, 2), {"dilation": (2, 1)}),
    ((3, 2, 1, 1), {}),
]
TRANSPOSED: list[tuple[Kernel, dict[str, Any]]] = [
    ((2, 3, 4, 4), {"stride": 2, "padding": 1}),
    ((2, 3, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1}),
    ((2, 2, 3, 3), {"groups": 2, "stride": (2, 1)}),
    ((2, 1, 3, 3), {"dilation": 2}),
]
CASES = [(conv2d, *case) for case in CONVOLUTIONS] + [(conv_transpose2d, *case) for case in TRANSPOSED]


def leaves(kernel: Kernel, outputs: int) -> list[Tensor]:
    torch.manual_seed(0)
    sizes = ((2, 2, 6, 5), kernel, (outputs,))
    return [torch.randn(size, dtype=torch.float64, requires_grad=True) for size in sizes]


def derivatives(function: Callable[..., Tensor], given: list[Tensor], how: dict[str, Any], third: bool) -> list[Tensor]:
    """Value, slopes, slopes of the slopes' norm, and of those'."""
    first = torch.autograd.grad(function(*given, **how).pow(3).sum(), given, create_graph=True)
    second = torch.autograd.grad(first[0].square().sum(), given, create_graph=True)
    last = torch.autograd.grad(second[1].square().sum(), given) if third else ()
    return [function(*given, **how), *first, *second, *last]


@pytest.mark.parametrize(("torchs", "kernel", "how"), CASES)
def test_every_derivative_is_that_of_torchs_own_convolution(torchs, kernel, how):
    outputs = kernel[0] if torchs is conv2d else kernel[1] * how.get("groups", 1)
    third = "output_padding" not in how  # torch's own has none of these
    ours, theirs = (derivatives(f, leaves(kernel, outputs), how, third) for f in (OWN[torchs], torchs))
    for mine, own in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, own, rtol=1e-10, atol=1e-10 * float(own.detach().abs().max()))


class Count(TorchDispatchMode):
    """How often gradients at weights were worked out, or second derivatives in torch's own way."""

    weights = second = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.weights += function is torch.ops.aten.convolution_backward.default and args[-1][1]
        self.second += "double_backward" in str(function)
        return function(*args, **(kwargs or {}))


def test_slopes_at_samples_work_out_none_of_weights():
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 2, 3, groups=2))
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    with DoubleBackward():
        score = net(x).sum()
    with Count() as first:
        (slope,) = torch.autograd.grad(score, x, create_graph=True)
    with Count() as second:
        slope.square().sum().backward()
    assert (first.weights, second.second) == (0, 0)
    assert second.weights > 0
    assert all(p.grad is not None for p in (net[0].weight, net[2].weight))


def test_what_torch_takes_is_taken():
    torch.manual_seed(0)
    x = torch.randn(2, 4, 7, 7)
    layers = [nn.Conv2d(4, 4, 3, padding="same"), nn.Conv2d(4, 2, 3, padding=1, padding_mode="reflect"),
              nn.ConvTranspose2d(4, 2, 3, 2), nn.Conv2d(4, 4, 3, bias=False, groups=4)]  # fmt: skip
    for layer in layers:
        expected, single = layer(x), layer(x[0])
        with DoubleBackward():
            torch.testing.assert_close(layer(x), expected, rtol=0, atol=0)
            torch.testing.assert_close(layer(x[0]), single, rtol=0, atol=0)
    weight = torch.randn(2, 4, 3, 3)
    with DoubleBackward():
        torch.testing.assert_close(
            torch.conv2d(input=x, weight=weight), nn.functional.conv2d(x, weight), rtol=0, atol=0
        )


def test_autocast_reaches_them():
    layer, x = nn.Conv2d(3, 4, 3), torch.randn(2, 3, 6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        expected = layer(x)
        with DoubleBackward():
            made = layer(x)
    assert made.dtype == torch.bfloat16
    torch.testing.assert_close(made, expected, rtol=0, atol=0)
    made.float().sum().backward()
    assert layer.weight.grad is not None and layer.weight.grad.dtype == torch.float32


@pytest.mark.parametrize("name", ["wgan-gp", "r3gan-laptop", "stylegan2-ada-small"])
def test_a_critics_penalty_has_the_slopes_of_torchs_own_convolutions(name, monkeypatch):
    """Residual, grouped, strided and blurring networks, in double precision."""
    torch.manual_seed(0)
    critic = find_recipe(name)[0].networks.critic(Shape(1, 32, 32)).double()
    x = torch.randn(4, 1, 32, 32, dtype=torch.float64)

    def penalty_slopes() -> Tensor:
        loss = grad_norm_sq(Judge(critic, Clock())(as_leaf(x))).mean()
        slopes = torch.autograd.grad(loss, list(critic.parameters()), allow_unused=True, materialize_grads=True)
        return torch.cat([slope.flatten() for slope in slopes])

    ours = penalty_slopes()
    monkeypatch.setattr("saddle.double_backward.OWN", {})
    theirs = penalty_slopes()
    assert ours.norm() > 0
    assert (ours - theirs).norm() < 1e-9 * theirs.norm()
