"""Optimizers in captured rounds: rates stand in memory that is written before each replay."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from ...optim.device_steps import DeviceAdam, DeviceSGD

FUSED = (torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD)  # whose fused step reads its rate from the device


class DeviceRates:
    """The rates of one optimizer as scalars of its device; what else it steps by is part of a captured round."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self.optimizer = optimizer
        self.device = optimizer.param_groups[0]["params"][0].device
        self.names = names_on_device(optimizer)
        # torch's steps on a processor read the full number
        full = self.device.type == "cpu" and type(optimizer) in FUSED
        kind = torch.float64 if full else torch.float32
        self.scalars = [
            {name: fill_like(group[name], kind, self.device) for name in self.names} for group in optimizer.param_groups
        ]

    def refresh(self) -> None:
        """Write down the values that the optimizer was tuned to."""
        for group, scalars in zip(self.optimizer.param_groups, self.scalars, strict=True):
            for name, kept in scalars.items():
                for scalar, value in zip(as_tuple(kept), as_tuple(group[name]), strict=True):
                    scalar.fill_(value)

    def baked(self) -> tuple[Hashable, ...]:
        """What a captured step has as numbers: only a round with equal ones is a replay of it."""
        return tuple(
            (name, value) for group in self.optimizer.param_groups for name, value in group.items()
            if name not in ("params", *self.names)
        )  # fmt: skip

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Steps in here read the scalars, and may be captured."""
        groups = self.optimizer.param_groups
        before = [dict(group) for group in groups]
        try:
            for group, scalars in zip(groups, self.scalars, strict=True):
                group |= scalars
                group |= {"capturable": True} if "capturable" in group and self.device.type == "cuda" else {}
            yield
        finally:
            for group, own in zip(groups, before, strict=True):
                group |= own


def why_no_device_rates(optimizer: torch.optim.Optimizer) -> str:
    """What keeps an optimizer's steps out of a captured round; empty if nothing does."""
    fused = type(optimizer) in FUSED and all(group["fused"] for group in optimizer.param_groups)
    known = fused or isinstance(optimizer, DeviceAdam | DeviceSGD | torch.optim.RMSprop)
    return "" if known else f"{type(optimizer).__name__} is not known to step in a captured round"


def names_on_device(optimizer: torch.optim.Optimizer) -> tuple[str, ...]:
    """Which of a group's values steps read from the device."""
    if isinstance(optimizer, DeviceAdam):
        return "lr", "betas"
    if isinstance(optimizer, DeviceSGD):
        return "lr", "momentum"
    return () if isinstance(optimizer, torch.optim.RMSprop) else ("lr",)  # torch's RMSprop would wait for the device


def as_tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def fill_like(value: Any, kind: torch.dtype, device: torch.device) -> Tensor | tuple[Tensor, ...]:
    """A number, or several, as scalars."""
    scalars = tuple(torch.full((), one, dtype=kind, device=device) for one in as_tuple(value))
    return scalars if isinstance(value, tuple) else scalars[0]
