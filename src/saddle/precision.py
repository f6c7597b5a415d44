"""In which precision a pass runs: autocast's, or full where slopes are taken."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

import torch
from torch import Tensor

from .double_backward import DoubleBackward


def full_precision(t: Tensor) -> torch.autocast:
    """No reduced precision inside: around a pass that will be differentiated, and around the differentiation."""
    return torch.autocast(autocast_type(t.device), enabled=False)


REDUCED_SLOPES = ContextVar("are passes that penalties differentiate in reduced precision too?", default=False)


@contextmanager
def reduced_slopes(reduced: bool) -> Iterator[None]:
    """Whether slopes in here are taken in whatever precision autocast has, or in full."""
    before = REDUCED_SLOPES.set(reduced)
    try:
        yield
    finally:
        REDUCED_SLOPES.reset(before)


def slope_precision(t: Tensor) -> AbstractContextManager[object]:
    """Around a pass that a penalty will differentiate, and around that: full precision, unless less was asked for."""
    return nullcontext() if REDUCED_SLOPES.get() else full_precision(t)


@contextmanager
def differentiable_twice(t: Tensor) -> Iterator[None]:
    """Around a pass whose slopes will be differentiated: their precision, and convolutions that are made for it."""
    with slope_precision(t), DoubleBackward():
        yield


def autocast_type(device: torch.device) -> str:
    """The kind of device whose reduced precision is meant; tensors without numbers, which are counted, have none."""
    return "cpu" if device.type == "meta" else device.type
