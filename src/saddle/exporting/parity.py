"""Does a file make what Python makes, for numbers of rows that it was not traced with, and other chance?"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ..errors import Failure
from .interface import Interface

PARITY_BOUND = 1e-4  # of the largest difference of any number, in units of the range where that goes beyond 1
ROWS = (1, 2, 5)  # that are compared, each of another seed


class Parity(NamedTuple):
    """How far a file's numbers were from Python's."""

    difference: float  # the largest of all; of tokens, the share that differ
    bound: float
    rows: tuple[int, ...]

    def __str__(self) -> str:
        rows = ", ".join(map(str, self.rows))
        return f"differs from Python by at most {self.difference:.2g} (bound {self.bound:g}), for {rows} rows"


def check_parity(interface: Interface, run: Callable[[tuple[Tensor, ...]], Tensor], bound: float = PARITY_BOUND,
                 rows: tuple[int, ...] = ROWS) -> Parity:  # fmt: skip
    """Compare what `run` makes of a part's inputs with what the part makes; Failure beyond the bound."""
    found = Parity(max(difference(interface, run, n, seed) for seed, n in enumerate(rows, 1)), bound, rows)
    if not found.difference <= bound:  # of no number either
        raise Failure(f"the exported {interface.part} is not the run's: it {found}; nothing was written")
    return found


def difference(interface: Interface, run: Callable[[tuple[Tensor, ...]], Tensor], n: int, seed: int) -> float:
    """The largest difference, in units of the largest number where that is beyond 1; of tokens the share."""
    inputs = interface.example(n, seed)
    with torch.no_grad():
        wanted, made = interface.module(*inputs), run(inputs)
    if made.shape != wanted.shape or made.dtype != wanted.dtype:
        return float("inf")
    if not wanted.is_floating_point():
        return float((made != wanted).float().mean())
    apart = (made.cpu().double() - wanted.cpu().double()).abs().amax()
    return float(apart / wanted.cpu().abs().amax().clamp(min=1))
