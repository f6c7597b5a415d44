"""How a CUDA GPU calculates: the same bits each time and float32 to its last digit, or what is fastest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch

# what multiplies in float32; the types that torch ships leave these out
FLOAT32: tuple[Any, ...] = (
    torch.backends.cuda.matmul, cast(Any, torch.backends.cudnn).conv, cast(Any, torch.backends.cudnn).rnn
)  # fmt: skip


def set_exact(exact: bool) -> None:
    """Exact: cuDNN repeats its bits, and float32 means float32. Else it tries which algorithm is fastest, in TF32."""
    torch.backends.cudnn.deterministic = exact
    torch.backends.cudnn.benchmark = not exact
    for part in FLOAT32:
        part.fp32_precision = "ieee" if exact else "tf32"


def describe_exact(exact: bool) -> str:
    """For the first lines of a run on a GPU."""
    return "exact" if exact else "not exact: TF32, and whatever algorithm is fastest"


@contextmanager
def kept_exactness() -> Iterator[None]:
    """What is set in here is as it was afterwards."""
    cudnn = torch.backends.cudnn
    before = cudnn.deterministic, cudnn.benchmark, [part.fp32_precision for part in FLOAT32]
    try:
        yield
    finally:
        cudnn.deterministic, cudnn.benchmark, kinds = before
        for part, kind in zip(FLOAT32, kinds, strict=True):
            part.fp32_precision = kind
