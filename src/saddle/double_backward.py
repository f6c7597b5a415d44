"""Convolutions for passes that are differentiated twice: each of their derivatives is a convolution again.

A convolution, its gradient at the input and its gradient at the weight are each linear in two of input, weight and
slope, and each one's derivatives are the other two. torch works the second derivative out group by group and with
batch and channels exchanged, and copies for that (`benchmarks/forms.py --only chain`). Values differ by rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn.grad import conv2d_weight
from torch.overrides import TorchFunctionMode

Sides = tuple[int, int]  # of rows and columns
Gradients = tuple[Tensor | None, ...]


class Geometry(NamedTuple):
    """How a kernel moves over pictures."""

    stride: Sides
    padding: Sides
    dilation: Sides
    groups: int

    def least(self, output: torch.Size, kernel: torch.Size) -> list[int]:
        """The smallest height and width whose convolution is so large: the size of a transposed one."""
        each = zip(output[2:], kernel[2:], self.stride, self.padding, self.dilation, strict=True)
        return [(n - 1) * stride - 2 * padding + dilation * (k - 1) + 1 for n, k, stride, padding, dilation in each]

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None, rest: list[int] | None = None) -> Tensor:
        """The operation itself, the transposed one if a `rest` says how much larger than the least it is."""
        made: Tensor = torch.ops.aten.convolution(
            x, weight, bias, self.stride, self.padding, self.dilation, rest is not None, rest or [0, 0], self.groups
        )
        return made  # fmt: skip


class Convolution(Function):
    """Of (N, C, H, W) with weights (out, C / groups, kh, kw)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, how: Geometry) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.how, ctx.biased = how, bias is not None
        return how.convolve(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Gradients:
        (x, weight), how, needs = ctx.saved_tensors, ctx.how, needed(ctx, 3)
        if not torch.is_grad_enabled():  # the last derivative: torch has one kernel for all three
            sizes = [len(weight)] if ctx.biased else None
            return *torch.ops.aten.convolution_backward(slope, x, weight, sizes, how.stride, how.padding, how.dilation,
                                                        False, [0, 0], how.groups, needs), None  # fmt: skip
        return (apply(InputGradient, slope, weight, None, x.shape, how) if needs[0] else None,
                apply(WeightGradient, slope, x, weight.shape, how) if needs[1] else None,
                slope.sum((0, 2, 3)) if needs[2] else None, None)  # fmt: skip


class InputGradient(Function):
    """A convolution's gradient at its input of this shape: the transposed convolution of the slope."""

    @staticmethod
    def forward(ctx: Any, slope: Tensor, weight: Tensor, bias: Tensor | None, shape: torch.Size,
                how: Geometry) -> Tensor:  # fmt: skip
        ctx.save_for_backward(slope, weight)
        ctx.how, least = how, how.least(slope.shape, weight.shape)
        return how.convolve(slope, weight, bias, [n - m for n, m in zip(shape[2:], least, strict=True)])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Gradients:
        (slope, weight), how, needs = ctx.saved_tensors, ctx.how, needed(ctx, 3)
        return (apply(Convolution, grad, weight, None, how) if needs[0] else None,
                apply(WeightGradient, slope, grad, weight.shape, how) if needs[1] else None,
                grad.sum((0, 2, 3)) if needs[2] else None, None, None)  # fmt: skip


class WeightGradient(Function):
    """A convolution's gradient at its weights of this shape."""

    @staticmethod
    def forward(ctx: Any, slope: Tensor, x: Tensor, shape: torch.Size, how: Geometry) -> Tensor:
        ctx.save_for_backward(slope, x)
        ctx.how = how
        made: Tensor = conv2d_weight(x, shape, slope, *how)  # type: ignore[no-untyped-call]
        return made

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Gradients:
        (slope, x), how, needs = ctx.saved_tensors, ctx.how, needed(ctx, 2)
        return (apply(Convolution, x, grad, None, how) if needs[0] else None,
                apply(InputGradient, slope, grad, None, x.shape, how) if needs[1] else None, None, None)  # fmt: skip


def apply(function: Any, *of: Any) -> Tensor:
    """What a function makes, which torch does not type."""
    made: Tensor = function.apply(*of)
    return made


def needed(ctx: Any, count: int) -> list[bool]:
    """Of which of its first tensors this pass wants the gradient: slopes at samples want none of weights."""
    nodes = [node for node, _ in ctx.next_functions] + [None] * count
    return [need and node is not None and will_run(node)
            for need, node in zip(ctx.needs_input_grad[:count], nodes, strict=False)]  # fmt: skip


def will_run(node: Any) -> bool:
    """Does this backward pass come to a node? Yes, where torch cannot tell: what is worked out too much is dropped."""
    try:
        answer: bool = torch._C._will_engine_execute_node(node)
    except (AttributeError, RuntimeError):  # of a leaf whose gradient is asked for by name, it does not tell
        return True
    return answer


def conv2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
           dilation: Any = 1, groups: int = 1) -> Tensor:  # fmt: skip
    """`torch.conv2d`; to be differentiated twice, where it is of a batch with its padding in numbers."""
    if isinstance(padding, str) or input.dim() != 4:
        return torch.conv2d(input, weight, bias, stride, padding, dilation, groups)
    how = Geometry(sides(stride), sides(padding), sides(dilation), groups)
    return apply(Convolution, *as_autocast(input, weight, bias), how)


def conv_transpose2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
                     output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Tensor:  # fmt: skip
    """`torch.conv_transpose2d`; to be differentiated twice, where it is of a batch."""
    if input.dim() != 4:
        return torch.conv_transpose2d(input, weight, bias, stride, padding, output_padding, groups, dilation)
    how = Geometry(sides(stride), sides(padding), sides(dilation), groups)
    least = how.least(input.shape, weight.shape)
    grown = (n + more for n, more in zip(least, sides(output_padding), strict=True))
    shape = torch.Size((len(input), weight.shape[1] * groups, *grown))
    return apply(InputGradient, *as_autocast(input, weight, bias), shape, how)


def sides(n: Any) -> Sides:
    """What torch takes for rows and columns: a number, or one or two of them."""
    return (n, n) if isinstance(n, int) else (n[0], n[-1])


def as_autocast(*tensors: Any) -> tuple[Any, ...]:
    """In the type that autocast would calculate in, which sees no functions of one's own."""
    device = tensors[0].device.type
    if device == "meta" or not torch.is_autocast_enabled(device):
        return tensors
    return tuple(None if t is None else t.to(torch.get_autocast_dtype(device)) for t in tensors)


OWN: Mapping[Any, Callable[..., Tensor]] = {torch.conv2d: conv2d, torch.conv_transpose2d: conv_transpose2d}


class DoubleBackward(TorchFunctionMode):
    """Within it, what networks convolve pictures by is made to be differentiated twice."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return OWN.get(function, function)(*args, **(kwargs or {}))
