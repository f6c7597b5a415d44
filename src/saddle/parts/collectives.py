"""Statistics of the samples that all processes play at once, with their slopes, and slopes of slopes.

Outside a round, and with one process, everything is what it is without: a look or a sheet of one process asks no other.
Parts that are played one after another (`--accumulate`) have statistics of their own.
"""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .shard import CURRENT_SHARD


class AllReduceSum(torch.autograd.Function):
    """The sum over processes. What each process loses by it adds up alike, so it is its own transpose."""

    @staticmethod
    def forward(ctx: Any, t: Tensor) -> Tensor:
        total = t.contiguous().clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        return cast(Tensor, AllReduceSum.apply(slope))  # type: ignore[no-untyped-call]


def is_single_process() -> bool:
    """Does one process play the whole batch, or nobody a round?"""
    return CURRENT_SHARD.get().processes == 1


def all_reduce_mean(mean: Tensor) -> Tensor:
    """The mean over processes of something that is a mean over each one's samples."""
    world = CURRENT_SHARD.get().processes
    return mean if world == 1 else cast(Tensor, AllReduceSum.apply(mean)) / world  # type: ignore[no-untyped-call]


def all_gather_rows(rows: Tensor) -> Tensor:
    """The rows (n, ...) of all processes, one process after another; one's own begin at `first(rows)`."""
    world = CURRENT_SHARD.get().processes
    if world == 1:
        return rows
    place, none = first_local_row(rows), torch.zeros_like(rows)
    own = [rows if i * len(rows) == place else none for i in range(world)]
    return cast(Tensor, AllReduceSum.apply(torch.cat(own)))  # type: ignore[no-untyped-call]


def first_local_row(rows: Tensor) -> int:
    """Where among all processes' rows one's own begin."""
    part = CURRENT_SHARD.get()
    return part.index % part.processes * len(rows)


def sync_batch_norms(game: nn.Module) -> list[nn.Module]:
    """Let every batch normalisation in a game take the statistics of all processes' samples while a round is played.

    Returns those layers: their running statistics are the same in every process, and need no exchange.
    """
    layers = [x for x in game.modules() if isinstance(x, _BatchNorm) and not isinstance(x, nn.SyncBatchNorm)]
    for layer in layers:
        layer.forward = partial(sync_batch_norm_forward, layer)  # type: ignore[method-assign]
    return list(layers)


def sync_batch_norm_forward(layer: _BatchNorm, x: Tensor) -> Tensor:
    """What the layer makes of x (n, width, ...) by the mean and variance of all processes' samples.

    Torch's own layer for this cannot be differentiated twice, and only runs on GPUs.
    """
    if is_single_process() or not layer.training:
        return type(layer).forward(layer, x)
    layer._check_input_dim(x)  # type: ignore[no-untyped-call]
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    across = [i for i in range(x.ndim) if i != 1]
    own = torch.stack(torch.var_mean(wide, across, correction=0))[None]  # (1, 2, width)
    variances, means = all_gather_rows(own).unbind(1)
    mean, variance = means.mean(0), variances.mean(0) + means.var(0, correction=0)
    update_running_stats(
        layer, mean.detach(), variance.detach(), CURRENT_SHARD.get().processes * x.numel() // x.shape[1]
    )
    gain = (variance + layer.eps).rsqrt() * (1 if layer.weight is None else layer.weight)
    bias = (0 if layer.bias is None else layer.bias) - mean * gain
    shape = [-1 if i == 1 else 1 for i in range(x.ndim)]
    return (wide * gain.view(shape) + bias.view(shape)).to(x.dtype)


@torch.no_grad()
def update_running_stats(layer: _BatchNorm, mean: Tensor, variance: Tensor, count: int) -> None:
    """Let the running statistics follow those of so many numbers, as torch's layers do."""
    if layer.num_batches_tracked is not None:
        layer.num_batches_tracked += 1
    if layer.running_mean is None or layer.running_var is None:
        return
    seen = 1 if layer.num_batches_tracked is None else int(layer.num_batches_tracked)
    share = 1 / seen if layer.momentum is None else layer.momentum
    layer.running_mean.lerp_(mean.to(layer.running_mean), share)
    layer.running_var.lerp_(variance.to(layer.running_var) * count / (count - 1), share)
