"""Optimizers all of whose rates may be scalars of the device: torch's fused ones take the learning rate alone so.

They step where such a rate follows a schedule, on a GPU, whose rounds are replayed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from ..clock import Number


class DeviceAdam(torch.optim.Optimizer):
    """The same steps as torch's Adam to rounding, with the same names of what it remembers."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, betas: tuple[float, float], eps: float) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            if moved := with_gradients(group["params"]):
                adam_step(moved, [self.remembered(p) for p in moved], group["lr"], group["betas"], group["eps"])

    def remembered(self, p: Tensor) -> dict[str, Tensor]:
        """What is known of a parameter; at first nothing."""
        state: dict[str, Tensor] = self.state[p]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=p.device)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(p), torch.zeros_like(p)
        return state


class DeviceSGD(torch.optim.Optimizer):
    """The same steps as torch's SGD with momentum, to rounding."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, momentum: float) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            if moved := with_gradients(group["params"]):
                means, lr = [self.remembered(p) for p in moved], as_scalar(group["lr"], moved[0])
                torch._foreach_mul_(means, as_scalar(group["momentum"], moved[0]))
                torch._foreach_add_(means, [p.grad for p in moved if p.grad is not None])
                torch._foreach_sub_(moved, torch._foreach_mul(means, lr))

    def remembered(self, p: Tensor) -> Tensor:
        """The sum of its gradients, each later one's share less by the momentum; at first nothing."""
        state: dict[str, Tensor] = self.state[p]
        if state.get("momentum_buffer") is None:
            state["momentum_buffer"] = torch.zeros_like(p)
        return state["momentum_buffer"]


def with_gradients(parameters: list[nn.Parameter]) -> list[Tensor]:
    return [p for p in parameters if p.grad is not None]


def as_scalar(number: float | Tensor, like: Tensor) -> Tensor:
    """As a scalar of the device, so that a number makes the same bits as a scalar that follows a schedule."""
    return number if isinstance(number, Tensor) else like.new_full((), number, dtype=torch.float32)


def steps_on_device(parameters: list[nn.Parameter], *numbers: Number) -> bool:
    """Are these on a GPU, whose rounds are replayed, and does a number follow a schedule there?"""
    return parameters[0].is_cuda and any(map(callable, numbers))


def adam_step(moved: list[Tensor], states: list[dict[str, Tensor]], lr: float | Tensor,
              betas: tuple[float | Tensor, float | Tensor], eps: float) -> None:  # fmt: skip
    """One step of each parameter by its gradient, without waiting for the device. Kingma & Ba 2015, algorithm 1."""
    steps, means, squares = ([state[name] for state in states] for name in ("step", "exp_avg", "exp_avg_sq"))
    slopes = [p.grad for p in moved if p.grad is not None]
    first, second = (as_scalar(beta, moved[0]) for beta in betas)
    torch._foreach_add_(steps, 1)
    torch._foreach_mul_(means, first)
    torch._foreach_add_(means, torch._foreach_mul(slopes, 1 - first))
    torch._foreach_mul_(squares, second)
    torch._foreach_add_(squares, torch._foreach_mul(torch._foreach_mul(slopes, slopes), 1 - second))
    age = torch.stack(steps)
    sizes, roots = as_scalar(lr, moved[0]) / (1 - first**age), (1 - second**age).sqrt()
    below = torch._foreach_sqrt(squares)
    torch._foreach_div_(below, list(roots.to(moved[0].dtype).unbind()))
    torch._foreach_add_(below, eps)
    change = torch._foreach_div(means, below)
    torch._foreach_mul_(change, list(sizes.to(moved[0].dtype).unbind()))
    torch._foreach_sub_(moved, change)
