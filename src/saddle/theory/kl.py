"""One Gaussian fitted to two peaks, by three divergences: what each gives up."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .descent import descend
from .evidence import Demonstration, expect_close
from .gaussians import LOG2, Gaussian, js_divergence, kl_divergence, line_points
from .picture import BLUE, GREY, ORANGE, make_panels, style_panel

DivergenceFunction = Callable[[Tensor, Tensor, Tensor], Tensor]
X = line_points(-16, 16, 3201)
PEAKS = (
    torch.logaddexp(Gaussian(-3.0).log_density(X), Gaussian(3.0).log_density(X)) - LOG2
)  # log density of half N(-3, 1), half N(3, 1)


class Fit(NamedTuple):
    mean: float
    std: float
    divergence: float


def kl_data_model(x: Tensor, log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(data|model): what maximum likelihood minimises."""
    return kl_divergence(x, log_p, log_q)


def kl_model_data(x: Tensor, log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(model|data)."""
    return kl_divergence(x, log_q, log_p)


def fit_gaussian(divergence: DivergenceFunction, mean: float, std: float) -> Fit:
    """The Gaussian to which descent leads from this start."""
    m, log_s = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (mean, math.log(std)))
    value = descend(lambda: divergence(X, PEAKS, Gaussian(m, log_s.exp()).log_density(X)), (m, log_s), 100)
    return Fit(m.item(), log_s.exp().item(), value)


# start, and where the descent should end
CASES: dict[str, tuple[DivergenceFunction, tuple[float, float], Fit]] = {
    "forward KL": (kl_data_model, (1.0, 1.0), Fit(0.0, 10**0.5, 0.46199)),
    "reverse KL, from the right": (kl_model_data, (2.0, 1.0), Fit(2.9843, 1.0234, 0.68877)),
    "reverse KL, from the middle": (kl_model_data, (0.0, 2.0), Fit(0.0, 2.744, 0.8406)),
    "JSD, from the middle": (js_divergence, (0.5, 3.0), Fit(0.0, 3.120, 0.12841)),
    "JSD, from the right": (js_divergence, (3.0, 1.0), Fit(2.969, 1.049, 0.21408)),
}


def fit_all_cases() -> dict[str, Fit]:
    return {name: fit_gaussian(divergence, *start) for name, (divergence, start, _) in CASES.items()}


TITLES = {
    "forward KL": "forward KL: covers both",
    "reverse KL": "reverse KL: chooses one",
    "JSD": "JSD: covers, or stays in one",
}


def run_demonstration() -> Demonstration:
    found = fit_all_cases()
    facts = [expect_close(f"{name}: {part}", getattr(found[name], part), getattr(due, part), 1e-3)
             for name, (_, _, due) in CASES.items() for part in Fit._fields]  # fmt: skip
    figure, axes = make_panels(1, 3, 4.0)
    for ax, (kind, title) in zip(axes, TITLES.items(), strict=True):
        ax.fill_between(X, PEAKS.exp(), color=GREY, alpha=0.35, linewidth=0, label="data")
        for name, (mean, std, value) in found.items():
            if name.startswith(kind):
                start = name.partition(", ")[2] or "from anywhere"
                shade, style = (ORANGE, "--") if start == "from the middle" else (BLUE, "-")
                ax.plot(X, Gaussian(mean, std).log_density(X).exp(), style, color=shade, label=f"{start}: {value:.3f}")
        ax.set(xlim=(-9, 9), ylim=(0, 0.56))
        style_panel(ax, title, "x", "density")
    return Demonstration(tuple(facts), figure)
