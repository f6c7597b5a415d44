"""A critic that sees how alike the samples of a batch are: minibatch discrimination, and standard deviations."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..errors import require
from ..fitting import FilledGame, check_no_slopes
from ..parts import all_gather_rows
from .init import glorot_uniform
from .spectral import full_precision_unless_meta

DIFFERENCES_AT_ONCE = 2**24  # between samples, 64 MB of them: a batch of 1024 has 500 million


class MinibatchDiscrimination(nn.Module):
    """How close each sample is to all others of its batch, (n, inputs) -> (n, kernels), each from 0 to n - 1.

    The sum over the others j of exp(-|M_i - M_j|_1), where M is `size` linear functions for each kernel: Salimans et
    al. 2016, section 3.2.
    The batch is what comes in one call, in all processes together: reals and fakes apart, and each of several
    accumulated parts for itself. Raises Mistake for one of a single sample, which has no others.
    """

    mixes = True  # what it makes of a sample hangs on others

    def __init__(self, inputs: int, kernels: int = 100, size: int = 5) -> None:
        super().__init__()
        self.kernels, self.project = kernels, glorot_uniform(nn.Linear(inputs, kernels * size, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        with full_precision_unless_meta(x):
            m = self.project(x.to(self.project.weight.dtype))
            everyone = all_gather_rows(m)
        require(len(everyone) > 1, "minibatch discrimination compares the samples of a batch, and this has one alone; "
                "raise --batch, or lower --accumulate")  # fmt: skip
        with full_precision_unless_meta(x):
            own = self.functions(m)
            others = own if everyone is m else self.functions(everyone)
            rows = max(1, DIFFERENCES_AT_ONCE // (own[..., 0].numel() * others.shape[2]))
            parts = torch.split(own, rows, 2)
            if len(parts) == 1:
                return sum_closeness(own, others).T - 1  # less each sample's closeness to itself
            return torch.cat([repeatable_closeness(part, others) for part in parts], 1).T - 1

    def fits(self, game: FilledGame) -> None:
        check_no_slopes(game, self, "MinibatchDiscriminating")

    def functions(self, m: Tensor) -> Tensor:
        """(size, kernels, n): the samples last, where the work is."""
        return m.view(len(m), self.kernels, -1).permute(2, 1, 0).contiguous()


def sum_closeness(own: Tensor, others: Tensor) -> Tensor:
    """Of some samples to all: (size, kernels, n) and (size, kernels, all) -> (kernels, n)."""
    distance = (own[..., None] - others[..., None, :]).abs().sum(0)  # (kernels, n, all)
    return distance.neg().exp().sum(2)


def repeatable_closeness(own: Tensor, others: Tensor) -> Tensor:
    """The same, of which no difference is kept: they are worked out again for the slopes."""
    found: Tensor = checkpoint(sum_closeness, own, others, use_reentrant=False, preserve_rng_state=False)
    return found


class MinibatchStd(nn.Module):
    """A further map with how much the samples of a group differ: (n, c, h, w) -> (n, c + 1, h, w). Karras et al. 2017.

    The standard deviation over the group, mean over channels and places: section 3, in groups as in the released code.
    A group is of neighbours in a batch, so parts of a batch that groups divide see what the whole sees; where they do
    not divide it, groups are as equal as they can be. A sample alone differs by nothing. Slopes of a score go through
    the group, as they do in StyleGAN2.
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        require(group >= 2, f"MinibatchStd's group is {group}, but should be 2 or more")
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        with full_precision_unless_meta(x):
            own = x.to(torch.promote_types(x.dtype, torch.float32))
            groups = own.tensor_split(-(-len(x) // self.group))
            maps = [self.deviation(torch.stack(groups))] if len(x) % len(groups) == 0 else map(self.deviation, groups)
            spread = torch.cat(list(maps)).to(x.dtype)
        return torch.cat([x, spread[:, None, None, None].expand(-1, 1, *x.shape[2:])], 1)

    @staticmethod
    def deviation(groups: Tensor) -> Tensor:
        """Of groups (..., g, c, h, w), once for each sample, in one row; by means, as torch's variance is slow here."""
        var = (groups - groups.mean(-4, keepdim=True)).square().mean(-4)
        mean = (var + 1e-8).sqrt().mean((-3, -2, -1))
        return mean[..., None].expand(*groups.shape[:-3]).reshape(-1)
