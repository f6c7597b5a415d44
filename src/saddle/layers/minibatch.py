"""Minibatch discrimination: a critic that sees how alike the samples of a batch are. Salimans et al. 2016."""

from __future__ import annotations

from torch import Tensor, nn

from ..errors import require
from ..fitting import FilledGame, check_no_slopes
from ..parts import all_gather_rows
from .init import glorot_uniform
from .spectral import full_precision_unless_meta


class MinibatchDiscrimination(nn.Module):
    """How close each sample is to all others of its batch, (n, inputs) -> (n, kernels), each from 0 to n - 1.

    The sum over the others j of exp(-|M_i - M_j|_1), where M is `size` linear functions for each kernel: section 3.2.
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
            distance = (own[..., None] - others[..., None, :]).abs().sum(0)  # (kernels, n, all of them)
            out: Tensor = distance.neg().exp().sum(2).T - 1  # less each sample's closeness to itself
            return out

    def fits(self, game: FilledGame) -> None:
        check_no_slopes(game, self, "MinibatchDiscriminating")

    def functions(self, m: Tensor) -> Tensor:
        """(size, kernels, n): the samples last, where the work is."""
        return m.view(len(m), self.kernels, -1).permute(2, 1, 0).contiguous()
