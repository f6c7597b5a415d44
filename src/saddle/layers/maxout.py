"""Maxout."""

from __future__ import annotations

from torch import Tensor, nn


class Maxout(nn.Module):
    """The largest of several linear functions, (n, inputs) -> (n, outputs). Goodfellow et al. 2013."""

    def __init__(self, inputs: int, outputs: int, pieces: int) -> None:
        super().__init__()
        self.pieces, self.linear = pieces, nn.Linear(inputs, outputs * pieces)

    def forward(self, x: Tensor) -> Tensor:
        best: Tensor = self.linear(x).unflatten(1, (self.pieces, -1)).amax(1)
        return best
