"""Building blocks in two or three forms each, side by side: `python benchmarks/forms.py` (a minute; `--only grouped`).

For each block and shape the forms are compared first (value, gradient, gradient of the slope's norm), then timed in
turns: a pass forwards, one with gradients, one with the gradients of what penalises the slope at the first input.
Numbers are times over that of the first form, which is the straightforward one; less is faster. The processor's time of
one thread is what is measured, so other work on the machine touches little.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, pad, unfold

from saddle import double_backward

Form = Callable[..., Tensor]
MOST_DENSE = 8  # groups: beyond, a dense convolution is hundreds of times slower
PASSES = ("forward", "backward", "second")


class Block(NamedTuple):
    """A block at one shape: what it is given, all to be differentiated, and its forms by name."""

    name: str
    inputs: tuple[Tensor, ...]
    forms: dict[str, Form]


def numbers(*size: int) -> Tensor:
    made = torch.randn(*size)
    return made.contiguous(memory_format=torch.channels_last) if len(size) == 4 else made


def grouped() -> Iterator[Block]:
    for n, width, groups, side in ((8, 1536, 96, 4), (8, 384, 24, 32), (32, 128, 8, 8),
                                   (32, 64, 4, 16), (64, 32, 2, 16)):  # fmt: skip
        weight = numbers(width, width // groups, 3, 3) / (9 * width / groups) ** 0.5
        yield Block(f"grouped {n}x{width}x{side}x{side}, {groups} groups", (numbers(n, width, side, side), weight), {
            "native": lambda x, w, g=groups: conv2d(x, w, padding=1, groups=g),
            **({"dense": lambda x, w, g=groups: dense_grouped_conv(x, w, g)} if groups <= MOST_DENSE else {}),
            "unfold": lambda x, w, g=groups: unfolded_grouped_conv(x, w, g),
        })  # fmt: skip


def dense_grouped_conv(x: Tensor, weight: Tensor, groups: int) -> Tensor:
    """One convolution of all channels, whose weights between groups are nought."""
    outputs, inputs = weight.shape[0] // groups, weight.shape[1]
    own = weight.reshape(groups, outputs, 1, inputs, 3, 3)
    whole = own * torch.eye(groups).view(groups, 1, groups, 1, 1, 1)
    return conv2d(x, whole.reshape(groups * outputs, groups * inputs, 3, 3), padding=1)


def unfolded_grouped_conv(x: Tensor, weight: Tensor, groups: int) -> Tensor:
    """A matrix product for each group, of what each place sees."""
    seen = unfold(x, 3, padding=1).reshape(len(x), groups, weight[0].numel(), -1)
    made = weight.reshape(groups, weight.shape[0] // groups, -1) @ seen
    return made.reshape(len(x), -1, *x.shape[2:])


def shifted_down(x: Tensor) -> Tensor:
    """The filter 1 3 3 1 at every second place, as sums of neighbours; beyond the borders there are zeros."""
    x = pad(x, (1, 1, 1, 1)) / 64
    x = x[:, :, 0:-3:2] + x[:, :, 3::2] + 3 * (x[:, :, 1:-2:2] + x[:, :, 2:-1:2])
    return x[..., 0:-3:2] + x[..., 3::2] + 3 * (x[..., 1:-2:2] + x[..., 2:-1:2])


def shifted_up(x: Tensor) -> Tensor:
    """Its transpose, four times."""
    x = pad(x, (1, 1, 1, 1)) / 16
    x = torch.stack((x[:, :, :-2] + 3 * x[:, :, 1:-1], 3 * x[:, :, 1:-1] + x[:, :, 2:]), 3).flatten(2, 3)
    return torch.stack((x[..., :-2] + 3 * x[..., 1:-1], 3 * x[..., 1:-1] + x[..., 2:]), 4).flatten(3, 4)


def resampling() -> Iterator[Block]:
    line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    taps = torch.outer(line, line)[None, None]
    for n, width, side in ((8, 64, 32), (8, 256, 8)):
        every = taps.expand(width, -1, -1, -1)
        rows, columns = every.sum(3, keepdim=True), every.sum(2, keepdim=True)
        x = numbers(n, width, side, side)
        yield Block(f"half {n}x{width}x{side}x{side}", (x,), {
            "depthwise": lambda x, w=every, c=width: conv2d(x, w, stride=2, padding=1, groups=c),
            "separable": lambda x, r=rows, k=columns, c=width: conv2d(
                conv2d(x, r, stride=(2, 1), padding=(1, 0), groups=c), k, stride=(1, 2), padding=(0, 1), groups=c),
            "shifts": shifted_down,
        })  # fmt: skip
        yield Block(f"double {n}x{width}x{side}x{side}", (x,), {
            "depthwise": lambda x, w=every, c=width: conv_transpose2d(x, 4 * w, stride=2, padding=1, groups=c),
            "separable": lambda x, r=rows, k=columns, c=width: conv_transpose2d(
                conv_transpose2d(x, 2 * r, stride=(2, 1), padding=(1, 0), groups=c), 2 * k, stride=(1, 2),
                padding=(0, 1), groups=c),
            "shifts": shifted_up,
        })  # fmt: skip


def modulated() -> Iterator[Block]:
    for n, width, side in ((8, 128, 8), (8, 64, 32)):
        inputs = numbers(n, width, side, side), numbers(width, width, 3, 3) / (9 * width) ** 0.5, numbers(n, width)
        yield Block(f"modulated {n}x{width}x{side}x{side}", inputs, {
            "weights": modulated_weights, "activations": modulated_activations})  # fmt: skip


def modulated_weights(x: Tensor, weight: Tensor, s: Tensor) -> Tensor:
    """Equations 1 and 3 as they are written: weights of each sample, as groups of one convolution."""
    own = weight[None] * s[:, None, :, None, None]
    own = own * (own.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    n, outputs = own.shape[:2]
    return conv2d(x.reshape(1, -1, *x.shape[2:]), own.flatten(0, 1), padding=1, groups=n).view(n, outputs, *x.shape[2:])


def modulated_activations(x: Tensor, weight: Tensor, s: Tensor) -> Tensor:
    norm = (s.square() @ weight.square().sum((2, 3)).T + 1e-8).rsqrt()
    return conv2d(x * s[:, :, None, None], weight, padding=1) * norm[:, :, None, None]


def deviation() -> Iterator[Block]:
    yield Block(
        "deviation of 4 x 16x256x4x4",
        (numbers(64, 256, 4, 4),),
        {"means": lambda x: mean_deviation(x, formula=True), "var": lambda x: mean_deviation(x, formula=False)},
    )


def mean_deviation(x: Tensor, formula: bool) -> Tensor:
    groups = x.view(4, 16, *x.shape[1:])
    var = (groups - groups.mean(0)).square().mean(0) if formula else groups.var(0, correction=0)
    return (var + 1e-8).sqrt().mean((1, 2, 3))


def activation() -> Iterator[Block]:
    yield Block("bias and rectifier 8x64x32x32", (numbers(8, 64, 32, 32), numbers(64)), {
        "plain": lambda x, b: leaky_relu(x + b[:, None, None], 0.2) * 2**0.5,
        "gain first": lambda x, b: leaky_relu((x + b[:, None, None]) * 2**0.5, 0.2),
        "addcmul": lambda x, b: leaky_relu(torch.add(b[:, None, None] * 2**0.5, x, alpha=2**0.5), 0.2),
    })  # fmt: skip


def attention() -> Iterator[Block]:
    for n, width, side in ((8, 128, 16), (8, 64, 32)):
        q = numbers(n, width // 8, side**2)
        k, v = numbers(n, width // 8, side**2 // 4), numbers(n, width // 2, side**2 // 4)
        yield Block(f"attention {n}x{width}x{side}x{side}", (q, k, v), {
            "places by keys": lambda q, k, v: v @ (q.transpose(1, 2) @ k).softmax(2).transpose(1, 2),
            "keys by places": lambda q, k, v: v @ (k.transpose(1, 2) @ q).softmax(1),
            "rows": lambda q, k, v: ((q.transpose(1, 2) @ k).softmax(2) @ v.transpose(1, 2)).transpose(1, 2),
        })  # fmt: skip


def chain() -> Iterator[Block]:
    """Three convolutions as in critics whose slopes are penalised: residual, DCGAN's, and grouped ones."""
    for n, width, side, kernel, stride, groups in (
        (16, 128, 16, 3, 1, 1), (16, 64, 32, 4, 2, 1), (8, 128, 16, 3, 1, 8), (8, 256, 16, 3, 1, 16),
    ):  # fmt: skip
        size = width, width // groups, kernel, kernel
        weights = [numbers(*size) / (kernel**2 * width / groups) ** 0.5 for _ in range(3)]
        how = {"stride": stride, "padding": 1, "groups": groups}
        yield Block(f"chain {n}x{width}x{side}x{side}, k{kernel} s{stride} g{groups}",
                    (numbers(n, width, side, side), *weights), {
            "torch's": lambda x, *ws, how=how: rectified(conv2d, x, ws, how),
            "of convolutions": lambda x, *ws, how=how: rectified(double_backward.conv2d, x, ws, how),
        })  # fmt: skip


def rectified(convolve: Form, x: Tensor, weights: Sequence[Tensor], how: dict[str, int]) -> Tensor:
    for weight in weights:
        x = leaky_relu(convolve(x, weight, **how), 0.2)
    return x


BLOCKS: dict[str, Callable[[], Iterator[Block]]] = {
    "chain": chain, "grouped": grouped, "resampling": resampling, "modulated": modulated,
    "deviation": deviation, "activation": activation, "attention": attention,
}  # fmt: skip


def run(form: Form, inputs: Sequence[Tensor], order: str) -> list[Tensor]:
    """What comes out, then gradients of its mean square, or of the norm of the slope at what is given first."""
    leaves = [t.detach().requires_grad_(order != "forward") for t in inputs]
    out = form(*leaves)
    if order == "forward":
        return [out]
    if order == "backward":
        return [out, *torch.autograd.grad(out.square().mean(), leaves)]
    (slope,) = torch.autograd.grad(out.square().mean(), leaves[:1], create_graph=True)  # as a penalty takes it
    return [out, slope, *torch.autograd.grad(slope.square().sum(), leaves, allow_unused=True)]


def compare(block: Block) -> None:
    results = [
        [*run(form, block.inputs, "backward"), *run(form, block.inputs, "second")] for form in block.forms.values()
    ]
    for name, other in zip(block.forms, results, strict=True):
        for a, b in zip(results[0], other, strict=True):
            torch.testing.assert_close(
                b, a, rtol=1e-3, atol=1e-5 * float(a.detach().abs().max()), msg=f"{block.name}: {name}"
            )


def race(block: Block, seconds: float) -> None:
    times: dict[tuple[str, str], list[float]] = {}
    began = time.monotonic()
    while time.monotonic() - began < seconds or len(times[PASSES[0], next(iter(block.forms))]) < 4:
        for order in PASSES:
            for name, form in block.forms.items():
                before = time.thread_time()
                run(form, block.inputs, order)
                times.setdefault((order, name), []).append(time.thread_time() - before)
    plain = next(iter(block.forms))
    for name in block.forms:
        ratios = [statistics.median(a / b for a, b in zip(times[order, name][1:], times[order, plain][1:], strict=True))
                  for order in PASSES]  # fmt: skip
        took = 1e3 * statistics.median(times["second", name][1:])
        print(f"{block.name:36} {name:15} " + "  ".join(f"{p} {r:5.2f}" for p, r in zip(PASSES, ratios, strict=True))
              + f"  ({took:7.1f} ms)", flush=True)  # fmt: skip


def main() -> None:
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("--only", nargs="+", choices=BLOCKS, default=list(BLOCKS))
    given.add_argument("--seconds", type=float, default=3.0, help="of each block at each shape")
    wish = given.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    for name in wish.only:
        for block in BLOCKS[name]():
            compare(block)
            race(block, wish.seconds)


if __name__ == "__main__":
    main()
