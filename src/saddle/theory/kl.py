"""One Gaussian fitted to two peaks, by three divergences: what each gives up."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .descent import descend
from .evidence import Evidence, close
from .gaussians import LOG2, Bell, jsd, kl, line
from .picture import BLUE, GREY, ORANGE, dress, panels

Divergence = Callable[[Tensor, Tensor, Tensor], Tensor]
X = line(-16, 16, 3201)
PEAKS = torch.logaddexp(Bell(-3.0).log(X), Bell(3.0).log(X)) - LOG2  # log density of half N(-3, 1), half N(3, 1)


class Fit(NamedTuple):
    mean: float
    std: float
    divergence: float


def forward(x: Tensor, log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(data|model): what maximum likelihood minimises."""
    return kl(x, log_p, log_q)


def reverse(x: Tensor, log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(model|data)."""
    return kl(x, log_q, log_p)


def fit(divergence: Divergence, mean: float, std: float) -> Fit:
    """The Gaussian to which descent leads from this start."""
    m, log_s = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (mean, math.log(std)))
    value = descend(lambda: divergence(X, PEAKS, Bell(m, log_s.exp()).log(X)), (m, log_s), 100)
    return Fit(m.item(), log_s.exp().item(), value)


# start, and where the descent should end
CASES: dict[str, tuple[Divergence, tuple[float, float], Fit]] = {
    "forward KL": (forward, (1.0, 1.0), Fit(0.0, 10**0.5, 0.46199)),
    "reverse KL, from the right": (reverse, (2.0, 1.0), Fit(2.9843, 1.0234, 0.68877)),
    "reverse KL, from the middle": (reverse, (0.0, 2.0), Fit(0.0, 2.744, 0.8406)),
    "JSD, from the middle": (jsd, (0.5, 3.0), Fit(0.0, 3.120, 0.12841)),
    "JSD, from the right": (jsd, (3.0, 1.0), Fit(2.969, 1.049, 0.21408)),
}


def fits() -> dict[str, Fit]:
    return {name: fit(divergence, *start) for name, (divergence, start, _) in CASES.items()}


TITLES = {
    "forward KL": "forward KL: covers both",
    "reverse KL": "reverse KL: chooses one",
    "JSD": "JSD: covers, or stays in one",
}


def show() -> Evidence:
    found = fits()
    facts = [close(f"{name}: {part}", getattr(found[name], part), getattr(due, part), 1e-3)
             for name, (_, _, due) in CASES.items() for part in Fit._fields]  # fmt: skip
    figure, axes = panels(1, 3, 4.0)
    for ax, (kind, title) in zip(axes, TITLES.items(), strict=True):
        ax.fill_between(X, PEAKS.exp(), color=GREY, alpha=0.35, linewidth=0, label="data")
        for name, (mean, std, value) in found.items():
            if name.startswith(kind):
                start = name.partition(", ")[2] or "from anywhere"
                shade, style = (ORANGE, "--") if start == "from the middle" else (BLUE, "-")
                ax.plot(X, Bell(mean, std).log(X).exp(), style, color=shade, label=f"{start}: {value:.3f}")
        ax.set(xlim=(-9, 9), ylim=(0, 0.56))
        dress(ax, title, "x", "density")
    return Evidence(tuple(facts), figure)
